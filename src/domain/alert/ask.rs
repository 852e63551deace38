//! What an alert asks of whoever reads it: of nobody what only another can do.

use super::AlertKind;
use crate::domain::access::{Actor, OrganizationKind, Permission, Role};
use crate::domain::id::OrganizationId;
use crate::text_enum;

text_enum! {
    /// Who reads an alert, as far as what is asked of them differs.
    pub enum Reader {
        Officer = "officer",
        /// Deputies read as those for whom they stand in.
        Approver = "approver",
        Auditor = "auditor",
        AgencyAdmin = "agency_admin",
        /// The vendor that it is about.
        Vendor = "vendor",
        /// Another vendor on the chain: whose vendor the alert is about.
        VendorAbove = "vendor_above",
        Overseer = "overseer",
        SystemAdmin = "system_admin",
    }
}

text_enum! {
    /// What is to be done about an alert.
    pub enum Duty {
        /// とった措置を記録する
        Measure = "measure",
        /// 再委託状況を報告する
        Declare = "declare",
        /// 承認を申請する
        Apply = "apply",
        /// 検査の結果を記録する
        RecordResult = "record_result",
        /// 検査を計画する
        PlanAudit = "plan_audit",
        /// 検査を受ける
        BeAudited = "be_audited",
        /// 申請を審査する
        Review = "review",
        /// 申請を決裁する
        Decide = "decide",
        /// 報告を求める
        AskForReport = "ask_for_report",
        /// 再委託の体制を確かめる
        LookAtChain = "look_at_chain",
        /// 契約の終了に備える
        LookAtContract = "look_at_contract",
        /// 申請を見る
        LookAtApplication = "look_at_application",
        /// 契約の検査を見る
        LookAtAudits = "look_at_audits",
        /// 担当者を替える
        HandOver = "hand_over",
        /// 事業者の登録を改める
        RecordVendor = "record_vendor",
        /// 再送する
        Resend = "resend",
        /// 通知の宛先を確かめる
        LookAtNotice = "look_at_notice",
    }
}

impl Duty {
    /// What one needs to do it.
    pub fn needs(self) -> Permission {
        match self {
            Self::Measure => Permission::HandleAlerts,
            Self::Declare => Permission::Declare,
            Self::Apply => Permission::FileApplication,
            Self::RecordResult | Self::PlanAudit => Permission::PlanAudit,
            Self::Review => Permission::ReviewApplication,
            Self::Decide => Permission::DecideApplication,
            Self::HandOver => Permission::HandOver,
            Self::RecordVendor => Permission::RecordVendor,
            Self::Resend => Permission::ResendNotice,
            Self::LookAtNotice => Permission::ReadNotices,
            Self::BeAudited
            | Self::AskForReport
            | Self::LookAtChain
            | Self::LookAtContract
            | Self::LookAtApplication
            | Self::LookAtAudits => Permission::ReadContract,
        }
    }
}

/// What is asked of one reader, in the program's words; `None` has nothing to do themselves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ask {
    pub of: Reader,
    pub duty: Option<Duty>,
    pub text: &'static str,
}

impl Reader {
    /// As whom a person reads an alert about a vendor: whoever acts first comes first.
    pub fn of(actor: &Actor, about: Option<OrganizationId>) -> Vec<Self> {
        match actor.organization.kind {
            OrganizationKind::Vendor if about == Some(actor.organization.id) => vec![Self::Vendor],
            OrganizationKind::Vendor => vec![Self::VendorAbove],
            _ => actor.roles.iter().filter_map(|role| Self::of_role(*role)).collect(),
        }
    }

    fn of_role(role: Role) -> Option<Self> {
        match role {
            Role::Officer => Some(Self::Officer),
            Role::Approver => Some(Self::Approver),
            Role::Auditor => Some(Self::Auditor),
            Role::AgencyAdmin => Some(Self::AgencyAdmin),
            Role::Overseer => Some(Self::Overseer),
            Role::SystemAdmin => Some(Self::SystemAdmin),
            Role::VendorUser | Role::VendorAdmin => None,
        }
    }

    /// The roles of those who read so.
    pub fn roles(self) -> &'static [Role] {
        match self {
            Self::Officer => &[Role::Officer],
            Self::Approver => &[Role::Approver],
            Self::Auditor => &[Role::Auditor],
            Self::AgencyAdmin => &[Role::AgencyAdmin],
            Self::Vendor | Self::VendorAbove => &[Role::VendorUser, Role::VendorAdmin],
            Self::Overseer => &[Role::Overseer],
            Self::SystemAdmin => &[Role::SystemAdmin],
        }
    }
}

impl AlertKind {
    /// What it asks of someone who reads it in one of these ways, by the rule as of that version. Of whoever it asks
    /// nothing it says who acts.
    pub fn ask(self, version: i32, readers: &[Reader]) -> Ask {
        let asks = self.rule().and_then(|rule| rule.versions.iter().find(|of| of.version == version));
        let asks = asks.map_or(&[][..], |version| version.asks);
        let own = asks.iter().find(|ask| readers.contains(&ask.of));
        own.copied().unwrap_or_else(|| onlooker(asks, readers.first().copied()))
    }
}

/// Whoever is asked for nothing is told who acts.
fn onlooker(asks: &[Ask], reader: Option<Reader>) -> Ask {
    let text = match (reader, asks.first().map(|ask| ask.of)) {
        (Some(Reader::Vendor | Reader::VendorAbove), _) => {
            "委託元が確認しています。お問い合わせがあったときは、確認にご協力ください。"
        }
        (_, Some(Reader::Officer)) => "担当者が対応します。ほかの方の手続はありません。",
        (_, Some(Reader::Approver)) => "決裁者が対応します。ほかの方の手続はありません。",
        (_, Some(Reader::Auditor)) => "監査担当が対応します。ほかの方の手続はありません。",
        _ => "機関の管理者が対応します。ほかの方の手続はありません。",
    };
    Ask { of: reader.unwrap_or(Reader::Overseer), duty: None, text }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::alert::Audience;
    use crate::domain::text_enum::TextEnum as _;

    #[test]
    fn whoever_is_told_is_asked_for_what_they_may_do() {
        for kind in AlertKind::ALL {
            let Some(version) = kind.rule().and_then(|rule| rule.versions.last()) else { continue };
            for part in kind.audience() {
                let reader = match part {
                    Audience::Officer => Reader::Officer,
                    Audience::Approver | Audience::Deputy => Reader::Approver,
                    Audience::Auditor => Reader::Auditor,
                    Audience::AgencyAdmin => Reader::AgencyAdmin,
                    Audience::Vendor(_) => Reader::Vendor,
                };
                assert!(version.asks.iter().any(|ask| ask.of == reader), "{kind} asks {reader} for nothing");
            }
            for ask in version.asks {
                let duty = ask.duty.unwrap_or_else(|| panic!("{kind}: {ask:?}"));
                for role in ask.of.roles() {
                    assert!(duty.needs().roles().contains(role), "{kind}: {role} can't {duty}");
                }
            }
        }
    }

    #[test]
    fn whoever_holds_several_roles_is_asked_as_who_acts_first_and_others_hear_who_acts() {
        let ask = |kind: AlertKind, readers: &[Reader]| kind.ask(1, readers).text;
        let both = ask(AlertKind::AuditOverdue, &[Reader::Officer, Reader::Auditor]);
        assert_eq!(both, ask(AlertKind::AuditOverdue, &[Reader::Auditor]));
        assert!(!ask(AlertKind::AuditOverdue, &[Reader::Vendor]).contains("登録してください"));
        assert_eq!(
            ask(AlertKind::DecisionWaiting, &[Reader::Auditor]),
            "決裁者が対応します。ほかの方の手続はありません。"
        );
        assert!(ask(AlertKind::RatioExceeded, &[Reader::Vendor]).starts_with("委託元が確認しています"));
    }
}
