//! 担当部署: the list, and one added or its address replaced.

use serde_json::{Value, json};

use super::super::route::{Labels, Outcome, Page, PageRoute, form, look, page};
use super::super::visit::Visit;
use super::SETTINGS;
use crate::domain::access::Permission;
use crate::service::setting::{self, DepartmentInput, DepartmentView};
use crate::service::{App, Call, Failure};

const LABELS: &Labels = &[("name", "部署の名称"), ("email", "メールアドレス"), ("telephone", "電話番号")];
const LIST: &str = "/settings/departments";
const FORM: &str = "/settings/departments/new";

pub fn routes() -> Vec<PageRoute> {
    let list = vec![look(LIST).needs(Permission::ReadSettings, list)];
    [list, form(FORM, LABELS).needs(Permission::ChangeSettings, show, act)].concat()
}

fn list(app: &App, call: &Call, visit: &Visit) -> Result<Page, Failure> {
    let departments = setting::departments(app, call, &visit.page()?)?;
    let row = |one: &DepartmentView| {
        let mut query = url::form_urlencoded::Serializer::new(String::new());
        query.append_pair("name", &one.name).append_pair("email", &one.email);
        if let Some(telephone) = &one.telephone {
            query.append_pair("telephone", telephone);
        }
        let change = format!("{FORM}?{}", query.finish());
        json!({ "name": one.name, "email": one.email, "telephone": one.telephone, "change": change })
    };
    let rows: Vec<Value> = departments.items.iter().map(row).collect();
    let context = json!({ "departments": rows, "pager": visit.pager(&departments) });
    Ok(page("setting/departments.html", "担当部署", context).under(SETTINGS, "設定"))
}

/// `?name=…&email=…&telephone=…`: the one whose address and telephone are to be replaced.
#[expect(clippy::unnecessary_wraps, reason = "the shape of every page")]
fn show(_: &App, _: &Call, visit: &Visit) -> Result<Page, Failure> {
    let known = json!({
        "name": visit.query("name"), "email": visit.query("email"), "telephone": visit.query("telephone"),
    });
    let title = if visit.query("name").is_some() {
        "担当部署の連絡先を変える"
    } else {
        "担当部署を登録する"
    };
    let page = page("setting/department.html", title, json!({}));
    Ok(page.under(SETTINGS, "設定").under(LIST, "担当部署").filled(&known))
}

fn act(app: &App, call: &Call, visit: &Visit) -> Result<Outcome, Failure> {
    setting::set_department(app, call, &visit.input::<DepartmentInput>()?)?;
    Ok(Outcome::Moved(format!("{LIST}?done=department_set")))
}
