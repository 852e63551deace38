//! Contexts into subject, text and HTML. The templates are part of the program; HTML is escaped, text is not;
//! what a template uses and its context lacks is an error, never a blank.

use std::sync::LazyLock;

use serde_json::Value;
use tera::{Context, Kwargs, State, Tera};

use super::letter::Letter;
use super::{Mail, NoticeError, NoticeKind};

/// A mail as it reads.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rendered {
    /// One line.
    pub subject: String,
    pub text: String,
    pub html: String,
}

macro_rules! templates {
    ($($name:literal),+ $(,)?) => { &[$(($name, include_str!(concat!("../../templates/mail/", $name)))),+] };
}

/// Every alert reads by `alert/`, unless it has a template of its own.
const TEMPLATES: &[(&str, &str)] = templates![
    "base.txt",
    "base.html",
    "application.txt",
    "application.html",
    "alert/subject.txt",
    "alert/body.txt",
    "alert/body.html",
    "unapproved_subcontractor/body.txt",
    "unapproved_subcontractor/body.html",
    "digest/subject.txt",
    "digest/body.txt",
    "digest/body.html",
    "invitation/subject.txt",
    "invitation/body.txt",
    "invitation/body.html",
    "password_reset/subject.txt",
    "password_reset/body.txt",
    "password_reset/body.html",
    "email_changed/subject.txt",
    "email_changed/body.txt",
    "email_changed/body.html",
    "account_changed/subject.txt",
    "account_changed/body.txt",
    "account_changed/body.html",
    "login_failures/subject.txt",
    "login_failures/body.txt",
    "login_failures/body.html",
    "backup_overdue/subject.txt",
    "backup_overdue/body.txt",
    "backup_overdue/body.html",
    "collected/subject.txt",
    "collected/body.txt",
    "collected/body.html",
    "change_asked/subject.txt",
    "change_asked/body.txt",
    "change_asked/body.html",
    "change_ended/subject.txt",
    "change_ended/body.txt",
    "change_ended/body.html",
    "application_filed/subject.txt",
    "application_filed/body.txt",
    "application_filed/body.html",
    "application_reviewed/subject.txt",
    "application_reviewed/body.txt",
    "application_reviewed/body.html",
    "application_decided/subject.txt",
    "application_decided/body.txt",
    "application_decided/body.html",
    "application_returned/subject.txt",
    "application_returned/body.txt",
    "application_returned/body.html",
    "application_sent_back/subject.txt",
    "application_sent_back/body.txt",
    "application_sent_back/body.html",
    "consent_revoked/subject.txt",
    "consent_revoked/body.txt",
    "consent_revoked/body.html",
    "declaration_receipt/subject.txt",
    "declaration_receipt/body.txt",
    "declaration_receipt/body.html",
];

static TERA: LazyLock<Result<Tera, String>> = LazyLock::new(|| {
    let mut tera = Tera::new();
    tera.register_filter("breakable", breakable);
    tera.add_raw_templates(TEMPLATES.iter().copied()).map_err(|error| error.to_string())?;
    Ok(tera)
});

fn has_template(name: &str) -> bool {
    TEMPLATES.iter().any(|(known, _)| *known == name)
}

/// The template of a part: the kind's own, or that of all alerts.
fn template(kind: NoticeKind, part: &str) -> String {
    let own = format!("{kind}/{part}");
    if has_template(&own) { own } else { format!("alert/{part}") }
}

/// Renders a stored context.
pub fn render(kind: NoticeKind, context: &Value) -> Result<Rendered, NoticeError> {
    Mail::parse(kind, context)?;
    let mut values = Context::from_serialize(context)
        .map_err(|error| NoticeError::Template { name: kind.to_string(), cause: error.to_string() })?;
    // What waits for a digest has no letter of its own.
    if context.get("letter").is_none() {
        values.insert("letter", &Letter::default());
    }
    let part = |part: &str| {
        let name = template(kind, part);
        let tera = TERA.as_ref().map_err(Clone::clone);
        tera.and_then(|tera| tera.render(&name, &values).map_err(|error| error.to_string()))
            .map_err(|cause| NoticeError::Template { name, cause })
    };
    Ok(Rendered {
        subject: one_line(&part("subject.txt")?),
        text: part("body.txt")?,
        html: part("body.html")?,
    })
}

/// Characters of a hash that stay together on a line.
const TOGETHER: usize = 16;

/// HTML of a long word that may be broken into lines, without a character more where it is copied.
fn breakable(text: &str, _: Kwargs, _: &State) -> String {
    let chars: Vec<char> = text.chars().collect();
    let parts = chars.chunks(TOGETHER).map(|part| part.iter().collect::<String>());
    let parts = parts.map(|part| part.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;"));
    parts.collect::<Vec<_>>().join("<wbr>")
}

/// White space and control characters of every sort become single spaces: what an office typed into a contract's
/// number must not fold a header.
fn one_line(text: &str) -> String {
    let mut line = String::with_capacity(text.len());
    for word in text.split(|c: char| (c.is_whitespace() && c != '\u{3000}') || c.is_control()) {
        if !word.is_empty() {
            if !line.is_empty() {
                line.push(' ');
            }
            line.push_str(word);
        }
    }
    line
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;
    use crate::{domain::text_enum::TextEnum as _, notice::samples};

    #[test]
    fn every_kind_renders_and_reads_as_approved() {
        let mut kinds = HashSet::new();
        for mail in samples::all() {
            let kind = mail.kind();
            let rendered = render(kind, &samples::letter(&mail)).unwrap();
            let variant = if let Mail::ApplicationDecided(decided) = &mail {
                if decided.outcome == crate::notice::context::Outcome::Refuse {
                    "-refuse"
                } else {
                    "-consent"
                }
            } else if let Mail::ApplicationReviewed(reviewed) = &mail {
                if reviewed.again { "-again" } else { "" }
            } else if let Mail::DeclarationReceipt(receipt) = &mail {
                if receipt.engagements.is_empty() { "-none" } else { "" }
            } else if let Mail::ApplicationFiled(filed) = &mail {
                if filed.again { "-again" } else { "" }
            } else if let Mail::Invitation(invitation) = &mail {
                if invitation.is_vendor { "-contact" } else { "" }
            } else if let Mail::ChangeAsked(asked) = &mail {
                if asked.takes_effect.is_none() { "-second" } else { "" }
            } else if let Mail::ChangeEnded(ended) = &mail {
                if ended.by.is_none() { "-alone" } else { "" }
            } else {
                ""
            };
            kinds.insert(kind);
            insta::assert_snapshot!(
                format!("{kind}{variant}"),
                format!("{}\n----\n{}\n----\n{}", rendered.subject, rendered.text, rendered.html)
            );
        }
        assert_eq!(kinds.len(), NoticeKind::ALL.len());
    }

    /// `{% if %}` takes an unknown name for false, so names are compared as well.
    #[test]
    fn templates_use_only_what_their_context_holds() {
        let tera = TERA.as_ref().unwrap();
        for mail in samples::all() {
            let value = samples::letter(&mail);
            for part in ["subject.txt", "body.txt", "body.html"] {
                let name = template(mail.kind(), part);
                for variable in tera.get_template_variables(&name).unwrap() {
                    assert!(value.get(variable).is_some(), "{name} uses {variable}");
                }
            }
        }
    }

    #[test]
    fn an_unknown_variable_is_an_error() {
        let mail = Mail::Alert(samples::alert(NoticeKind::AuditDue));
        let mut value = mail.to_value().unwrap();
        value.as_object_mut().unwrap().remove("basis");
        assert!(matches!(render(mail.kind(), &value), Err(NoticeError::Context(_))));
        let mut tera = Tera::new();
        tera.add_raw_template("x.txt", "{{ missing }}").unwrap();
        assert!(tera.render("x.txt", &Context::new()).is_err());
    }

    #[test]
    fn html_is_escaped_and_text_is_not() {
        let mut alert = samples::alert(NoticeKind::AuditDue);
        alert.message = "<script>alert(1)</script> & 改行".into();
        alert.link = "https://itaku.example.lg.jp/?a=\"><b>".into();
        let rendered = render(alert.kind, &Mail::Alert(alert).to_value().unwrap()).unwrap();
        assert!(rendered.text.contains("<script>alert(1)</script> & 改行"));
        assert!(!rendered.html.contains("<script>") && rendered.html.contains("&lt;script&gt;"));
        assert!(!rendered.html.contains("\"><b>"));
    }

    #[test]
    fn a_subject_is_one_line_whatever_was_typed() {
        let mut alert = samples::alert(NoticeKind::AuditDue);
        alert.contract.as_mut().unwrap().number = "R8-1\r\nBcc: x@example.com\u{85}\u{2028}\0y".into();
        let rendered = render(alert.kind, &Mail::Alert(alert).to_value().unwrap()).unwrap();
        assert!(rendered.subject.contains("R8-1 Bcc: x@example.com y"), "{}", rendered.subject);
        assert!(!rendered.subject.contains(char::is_control));
    }

    #[test]
    fn links_stand_in_both_bodies() {
        for mail in samples::all() {
            let value = mail.to_value().unwrap();
            let rendered = render(mail.kind(), &value).unwrap();
            let link = value.get("link").or_else(|| value["application"].get("link"));
            let link = link.or_else(|| value["change"].get("link")).unwrap();
            let link = link.as_str().unwrap();
            assert!(rendered.text.contains(link), "{}", mail.kind());
            let mut context = Context::new();
            context.insert("link", link);
            let escaped = Tera::one_off("{{ link }}", &context, true).unwrap();
            assert!(rendered.html.contains(&escaped), "{}", mail.kind());
        }
    }
}
