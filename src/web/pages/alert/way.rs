//! What ends an alert of a kind, and where one does it.

use serde::Serialize;

use crate::domain::access::{Actor, OrganizationKind};
use crate::domain::alert::{AlertKind, Duty, Reader};
use crate::service::alert::{self, AlertView};

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

/// What recording a measure is called; an excess can also be accepted for a time, on the same page.
pub fn measuring(kind: AlertKind) -> &'static str {
    if kind.is_limit() {
        "とった措置を記録する・期限を定めて認める"
    } else {
        "とった措置を記録する"
    }
}

/// What the link to where something is done is called.
fn label(duty: Duty) -> &'static str {
    match duty {
        Duty::Measure => "とった措置を記録する",
        Duty::Declare => "再委託状況を報告する",
        Duty::Apply => "再委託の承認を申請する",
        Duty::RecordResult => "検査の結果を記録する",
        Duty::BeAudited => "この検査を開く",
        Duty::PlanAudit => "検査を計画する",
        Duty::Review => "申請を審査する",
        Duty::Decide => "申請を決裁する",
        Duty::AskForReport => "再委託状況報告を見る",
        Duty::LookAtChain => "再委託の体制を見る",
        Duty::LookAtContract => "契約を開く",
        Duty::LookAtApplication => "申請を開く",
        Duty::LookAtAudits => "検査の一覧を見る",
        Duty::HandOver => "担当者を替える",
        Duty::RecordVendor => "事業者を開く",
        Duty::Resend | Duty::LookAtNotice => "送信できなかった通知を開く",
    }
}

/// Where the person does what is asked of them, and where they see more of it: the first first.
pub fn ways(alert: &AlertView, actor: &Actor) -> Vec<Way> {
    let about = match actor.organization.kind {
        // What a vendor sees in its own list is about itself.
        OrganizationKind::Vendor => Some(actor.organization.id),
        _ => None,
    };
    let asked = alert.kind.ask(alert.rule_version, &Reader::of(actor, about)).duty;
    let more: &[Duty] = match alert.kind {
        AlertKind::UnapprovedSubcontractor | AlertKind::ConsentExpiring | AlertKind::VolumeExceeded => {
            &[Duty::LookAtChain, Duty::AskForReport]
        }
        AlertKind::EndNotReported | AlertKind::DeclarationOverdue => &[Duty::AskForReport],
        AlertKind::SubcontractingProhibited
        | AlertKind::TierExceeded
        | AlertKind::RatioExceeded
        | AlertKind::OverseasHandling => &[Duty::LookAtChain],
        AlertKind::AuditDue | AlertKind::AuditOverdue => &[Duty::BeAudited],
        AlertKind::AuditMissing => &[Duty::LookAtAudits],
        AlertKind::DecisionWaiting => &[Duty::LookAtApplication],
        AlertKind::VendorChanged => &[Duty::RecordVendor],
        AlertKind::NoticeFailed => &[Duty::LookAtNotice],
        _ => &[Duty::LookAtContract],
    };
    let asked = asked.filter(|duty| *duty != Duty::Measure && actor.may(duty.needs()));
    let mut ways: Vec<Way> = Vec::new();
    // An organization's page is anyone's who may read the alert.
    let may = |duty: &Duty| *duty == Duty::RecordVendor || actor.may(duty.needs());
    for duty in asked.iter().chain(more).filter(|duty| may(duty)) {
        let path = alert::place_of(*duty, alert.id, alert.contract_id, &alert.subject);
        let Some(path) = path.filter(|path| !ways.iter().any(|way| way.path == *path)) else { continue };
        ways.push(Way { label: label(*duty), path });
    }
    ways
}
