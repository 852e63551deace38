//! What stands around every mail: who reads it, why they get it, and whom a vendor asks.

use serde::{Deserialize, Serialize};

use crate::domain::access::{OrganizationKind, Role};
use crate::domain::limits::MAX_PERSON_NAME;

/// Stands in the context of a mail beside its content, under `letter`. As it was when the mail was written.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Letter {
    /// Of whoever reads it, and the department where it goes to one.
    pub organization: Option<String>,
    /// None: whoever opens the box.
    pub person: Option<String>,
    /// Why it was sent.
    pub why: Option<String>,
    /// Whom a vendor asks; of an agency's own people none.
    pub contacts: Vec<Contact>,
}

/// Where an agency answers a vendor's questions.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Contact {
    pub agency: String,
    /// The contract's 担当部署.
    pub department: Option<String>,
    /// A desk, or the responsible officer.
    pub person: Option<String>,
    pub telephone: Option<String>,
    /// The department's.
    pub email: Option<String>,
}

/// As what someone gets a mail.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reading<'a> {
    /// A person of an organization, with their roles.
    Person { organization: &'a str, kind: OrganizationKind, roles: &'a [Role] },
    /// A department's address.
    Department(&'a str),
    /// The contact address of a vendor.
    Contact { organization: &'a str },
}

/// How a vendor stands to the contract that a mail is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    Prime,
    /// Engaged, or applied for, below the prime.
    Below,
}

/// Why a mail reaches whoever reads it, in the program's words.
pub fn why(reading: &Reading<'_>, standing: Option<Standing>) -> String {
    let by_contract = match standing {
        Some(Standing::Prime) => Some("この契約の受託者"),
        Some(Standing::Below) => Some("この契約の再委託先（申請中のものを含みます）"),
        None => None,
    };
    match reading {
        Reading::Person { kind: OrganizationKind::Vendor, organization, .. } => match by_contract {
            Some(by) => {
                format!("貴社が{by}として委託元の台帳に登録されており、あなたが貴社の利用者であるためです。")
            }
            None => format!("あなたが{organization}の利用者として登録されているためです。"),
        },
        Reading::Person { organization, roles, .. } => {
            let titles: Vec<&str> = roles.iter().map(|role| role.title()).collect();
            let titles = if titles.is_empty() { "利用者".to_owned() } else { titles.join("・") };
            format!("あなたが{organization}の{titles}として登録されているためです。")
        }
        Reading::Department(name) => {
            format!("{name}へのお知らせの送り先として、このアドレスが登録されているためです。")
        }
        Reading::Contact { organization } => match by_contract {
            Some(by) => {
                format!(
                    "貴社が{by}として委託元の台帳に登録されており、このアドレスが貴社の連絡先であるためです。"
                )
            }
            None => format!("このアドレスが{organization}の連絡先として登録されているためです。"),
        },
    }
}

/// What whoever reads a vendor's contact address is called, until they say their name.
pub fn unnamed(firm: &str) -> String {
    format!("{firm}の担当者").chars().take(MAX_PERSON_NAME).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_hears_why_it_is_they_who_are_written_to() {
        let person = |kind, roles| Reading::Person { organization: "架空市", kind, roles };
        let said =
            why(&person(OrganizationKind::Agency, &[Role::Officer, Role::Auditor]), Some(Standing::Prime));
        assert_eq!(said, "あなたが架空市の担当者・監査担当として登録されているためです。");
        assert!(why(&person(OrganizationKind::Agency, &[]), None).contains("架空市の利用者"));
        let vendor = person(OrganizationKind::Vendor, &[Role::VendorUser]);
        assert!(why(&vendor, Some(Standing::Prime)).starts_with("貴社がこの契約の受託者として"));
        assert!(why(&vendor, Some(Standing::Below)).contains("再委託先（申請中のものを含みます）"));
        assert!(why(&vendor, None).contains("架空市の利用者"));
        let contact = Reading::Contact { organization: "架空入力有限会社" };
        assert!(why(&contact, None).contains("架空入力有限会社の連絡先"));
        assert!(why(&contact, Some(Standing::Below)).contains("このアドレスが貴社の連絡先"));
        assert!(why(&Reading::Department("架空課"), None).starts_with("架空課へのお知らせ"));
    }
}
