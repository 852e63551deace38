//! Contracts: registered, listed, shown, amended, terminated, handed over.

use crate::domain::access::Permission;
use crate::service::Failure;
use crate::service::contract::{
    self, Amendment, BulkHandover, ContractPatch, ContractQuery, ContractView, Handover, HandoverWithdrawal,
    NarrowQuery, NewContract, Terminate, TermsCorrection, TermsWithdrawal, Void, Whose,
};
use crate::web::route::{Plain, Request, Route, Versioned, act, create, get, patch};

/// The routes of contracts.
pub fn routes() -> Vec<Route> {
    vec![
        create("/contracts", "契約を登録する")
            .needs(Permission::RegisterContract)
            .takes(|app, call, _, given: NewContract| contract::register(app, call, &given).map(versioned)),
        get("/contracts", "契約の一覧（新しい順）")
            .narrowed()
            .query("status", "upcoming（開始前）・running（履行中）・ended（終了）・voided（登録の取消し。ほかでは一覧に出ません）")
            .query("vendor_id", "受託者")
            .query("sort", "並び順: newest（既定）, number, -number, ends, -ends, amount, -amount（金額は機関側のみ。- は逆順）")
            .query("ends_by", "この日までに終わるもの")
            .query("without_on_site", "この年度に履行し個人情報を取り扱う契約で、その年度の実地検査が計画も実施もないもの（機関側のみ）")
            .query("alert", "open: 未解決のアラートがあるものだけ")
            .paged()
            .brief()
            .needs(Permission::ReadContract)
            .run(|app, call, request| {
                contract::list(app, call, &query(request)?, &request.page()?).map(Plain)
            }),
        act("/contracts/handover", "担当者をまとめて引き継ぐ（人事異動。担当者のいない契約は unassigned、契約ごとには assignments）")
            .needs(Permission::HandOver)
            .takes(|app, call, _, given: BulkHandover| contract::hand_over_all(app, call, &given).map(Plain)),
        get("/contracts/{id}", "契約")
            .brief()
            .needs(Permission::ReadContract)
            .run(|app, call, request| contract::get(app, call, request.id("id")?).map(versioned)),
        patch("/contracts/{id}", "契約の担当部署を改める（契約条件の変更は amendments）")
            .needs(Permission::ChangeContract)
            .takes(|app, call, request, given: ContractPatch| {
                contract::patch(app, call, request.id("id")?, &request.version()?, &given).map(versioned)
            }),
        create("/contracts/{id}/amendments", "変更契約を登録する").needs(Permission::ChangeContract).takes(
            |app, call, request, given: Amendment| {
                contract::amend(app, call, request.id("id")?, &given).map(versioned)
            },
        ),
        get("/contracts/{id}/amendments", "契約条件の履歴（登録、変更契約、その取消しと訂正。before は変わる前）")
            .paged()
            .needs(Permission::ReadContract)
            .run(|app, call, request| {
                contract::amendments(app, call, request.id("id")?, &request.page()?).map(Plain)
            }),
        act("/contracts/{id}/amendments/withdraw", "効力が生じる前の変更契約を取り消す（seq は履歴のもの）")
            .needs(Permission::ChangeContract)
            .takes(|app, call, request, given: TermsWithdrawal| {
                contract::withdraw_amendment(app, call, request.id("id")?, &given).map(versioned)
            }),
        act("/contracts/{id}/amendments/correct", "契約条件の誤りを訂正する（seq は履歴のもの。前の内容は変更履歴に残る）")
            .needs(Permission::ChangeContract)
            .takes(|app, call, request, given: TermsCorrection| {
                contract::correct_terms(app, call, request.id("id")?, &given).map(versioned)
            }),
        act("/contracts/{id}/terminate", "契約を解除・終了する").needs(Permission::TerminateContract).takes(
            |app, call, request, given: Terminate| {
                contract::terminate(app, call, request.id("id")?, &given).map(versioned)
            },
        ),
        act("/contracts/{id}/void", "誤って登録した契約の登録を取り消す").needs(Permission::VoidContract).takes(
            |app, call, request, given: Void| {
                contract::void(app, call, request.id("id")?, &given).map(versioned)
            },
        ),
        act("/contracts/{id}/handover", "担当者を引き継ぐ").needs(Permission::HandOver).takes(
            |app, call, request, given: Handover| {
                contract::hand_over(app, call, request.id("id")?, &given).map(versioned)
            },
        ),
        act("/contracts/{id}/handover/withdraw", "始まっていない担当者の引継ぎを取りやめる").needs(Permission::HandOver).takes(
            |app, call, request, given: HandoverWithdrawal| {
                contract::withdraw_handover(app, call, request.id("id")?, &given).map(versioned)
            },
        ),
        get("/contracts/{id}/handovers", "担当者の引継ぎの履歴").paged().needs(Permission::ReadContract).run(
            |app, call, request| {
                contract::handovers(app, call, request.id("id")?, &request.page()?).map(Plain)
            },
        ),
    ]
}

fn query(request: &Request) -> Result<ContractQuery, Failure> {
    let alerting = match request.query("alert") {
        None => false,
        Some("open") => true,
        Some(_) => return Err(Failure::field("/alert", "choice", "alert は open を指定してください。")),
    };
    Ok(ContractQuery {
        narrow: narrow(request)?,
        status: request.query_word("status")?,
        vendor_id: request.query_id("vendor_id")?,
        alerting,
        ends_by: request.query_day("ends_by")?,
        unended: false,
        without_on_site: request.query_number("without_on_site")?,
        sort: request.query_word("sort")?.unwrap_or_default(),
    })
}

/// Of which contracts, as the query says it.
pub(super) fn narrow(request: &Request) -> Result<NarrowQuery, Failure> {
    let fiscal_year = request.query_number("fiscal_year")?;
    Ok(NarrowQuery { fiscal_year, ..narrow_but_year(request)? })
}

/// As [`narrow`], where the query's year is another.
pub(super) fn narrow_but_year(request: &Request) -> Result<NarrowQuery, Failure> {
    let whose = |text: &str| {
        let message = "me、none または利用者のIDを指定してください。";
        text.parse::<Whose>().map_err(|_| Failure::field("/officer", "choice", message))
    };
    Ok(NarrowQuery {
        q: request.query("q").map(str::to_owned),
        officer: request.query("officer").map(whose).transpose()?,
        department: request.query("department").map(str::to_owned),
        vendor: request.query("vendor").map(str::to_owned),
        fiscal_year: None,
    })
}

fn versioned(value: ContractView) -> Versioned<ContractView> {
    Versioned { version: value.version, value }
}
