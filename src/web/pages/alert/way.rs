//! What ends an alert of a kind, and where one does it.

use serde::Serialize;

use crate::domain::access::{Actor, OrganizationKind, Permission};
use crate::domain::alert::AlertKind;
use crate::service::alert::AlertView;

/// A place to go to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Way {
    pub label: &'static str,
    pub path: String,
}

/// When an alert of the kind ends (domain.md 7), in the program's words.
pub fn ends(kind: AlertKind) -> &'static str {
    match kind {
        AlertKind::UnapprovedSubcontractor => {
            "承認を確認できない使用が終わり、かつ、とった措置が記録されたとき"
        }
        AlertKind::SubcontractingProhibited
        | AlertKind::TierExceeded
        | AlertKind::RatioExceeded
        | AlertKind::OverseasHandling
        | AlertKind::VolumeExceeded => {
            "超過や取扱いがなくなったとき。又は、理由と期限を定めて認めたとき（期限の翌日からは、あらためて知らせます）"
        }
        AlertKind::ConsentExpiring => "新しい承認が決まったとき、又は使用の終了が報告されたとき",
        AlertKind::EndNotReported => "再委託が終了した日が報告されたとき",
        AlertKind::AuditDue | AlertKind::AuditOverdue => {
            "検査・点検の結果が登録されたとき、又は計画が取り消されたとき"
        }
        AlertKind::AuditMissing => "年度内（契約の終了前）の実地検査が計画されたとき、又は実施されたとき",
        AlertKind::DeclarationOverdue => "対象期間の再委託状況が報告されたとき",
        AlertKind::DecisionWaiting => "申請が決裁されたとき、補正を求めたとき、又は取り下げられたとき",
        AlertKind::ContractExpiring => "契約が更新されたとき、又は終了したとき",
        AlertKind::NoticeFailed => "宛先のメールアドレスが改められたとき、又は再送して送信されたとき",
        _ => "とった措置が記録されたとき",
    }
}

/// Where the person does what ends the alert, the first first.
pub fn ways(alert: &AlertView, actor: &Actor) -> Vec<Way> {
    let vendor = actor.organization.kind == OrganizationKind::Vendor;
    let way = |label, path| Some(Way { label, path });
    let of_contract = |label, rest: &str| {
        let id = alert.contract_id?;
        way(label, format!("/contracts/{id}{rest}"))
    };
    let chain = || of_contract("再委託の体制を見る", "/chain");
    let reports = || {
        if vendor && actor.may(Permission::Declare) {
            of_contract("再委託状況を報告する", "/declarations/new")
        } else {
            of_contract("再委託状況報告を見る", "/declarations")
        }
    };
    let ways = match alert.kind {
        AlertKind::UnapprovedSubcontractor | AlertKind::ConsentExpiring | AlertKind::VolumeExceeded => {
            vec![chain(), reports()]
        }
        AlertKind::EndNotReported | AlertKind::DeclarationOverdue => vec![reports()],
        AlertKind::SubcontractingProhibited
        | AlertKind::TierExceeded
        | AlertKind::RatioExceeded
        | AlertKind::OverseasHandling => vec![chain()],
        AlertKind::AuditDue | AlertKind::AuditOverdue => {
            vec![way("この検査を開く", format!("/audits/{}", alert.subject))]
        }
        AlertKind::AuditMissing if actor.may(Permission::PlanAudit) => {
            vec![of_contract("検査を計画する", "/audits/new")]
        }
        AlertKind::AuditMissing => vec![of_contract("検査の一覧を見る", "/audits")],
        AlertKind::DecisionWaiting => vec![way("申請を開く", format!("/applications/{}", alert.subject))],
        AlertKind::VendorChanged => vec![way("事業者を開く", format!("/vendors/{}", alert.subject))],
        AlertKind::NoticeFailed => vec![
            way("送信できなかった通知を開く", format!("/notices/{}", alert.subject))
                .filter(|_| actor.may(Permission::ReadNotices)),
        ],
        _ => vec![of_contract("契約を開く", "")],
    };
    ways.into_iter().flatten().collect()
}
