//! The rules behind the alerts: name, version by date, the text each rests on, what to do next. Laws and
//! guidelines are cited only where they were read.

use chrono::NaiveDate;

use super::AlertKind;
use super::ask::{Ask, Duty, Reader};

/// The rule that raises one kind of alert.
#[derive(Debug, PartialEq, Eq)]
pub struct Rule {
    /// As shown: 「承認未確認の再委託」
    pub name: &'static str,
    /// By `valid_from`; the first holds since ever.
    pub versions: &'static [Version],
}

/// A rule as it holds from a day on.
#[derive(Debug, PartialEq, Eq)]
pub struct Version {
    pub valid_from: NaiveDate,
    pub version: i32,
    /// What it rests on, in Japanese.
    pub basis: &'static str,
    /// What it rests on where the contract's data include マイナンバー, when that differs.
    pub basis_my_number: Option<&'static str>,
    /// What to do next, of each who can do something: whoever acts first comes first.
    pub asks: &'static [Ask],
}

impl Rule {
    /// The version that holds on a day.
    pub fn on(&self, day: NaiveDate) -> Option<&'static Version> {
        self.versions.iter().rev().find(|version| version.valid_from <= day)
    }

    /// The first day after this one on which another version begins.
    pub fn changes_after(&self, day: NaiveDate) -> Option<NaiveDate> {
        self.versions.iter().map(|version| version.valid_from).find(|from| *from > day)
    }
}

impl Version {
    /// The text it rests on.
    pub fn basis(&self, my_number: bool) -> &'static str {
        self.basis_my_number.filter(|_| my_number).unwrap_or(self.basis)
    }
}

/// A rule with one version, valid since ever: (name, basis, basis with マイナンバー, what is asked of whom).
macro_rules! rules {
    ($($kind:ident: $name:literal, $basis:literal, $my_number:expr, [$($of:ident $duty:ident: $ask:literal),+];)+) => {
        impl AlertKind {
            /// Its rule; None for kinds that no rule raises yet.
            pub fn rule(self) -> Option<&'static Rule> {
                match self {
                    $(Self::$kind => {
                        const RULE: Rule = Rule {
                            name: $name,
                            versions: &[Version {
                                valid_from: NaiveDate::MIN,
                                version: 1,
                                basis: $basis,
                                basis_my_number: $my_number,
                                asks: &[$(Ask { of: Reader::$of, duty: Some(Duty::$duty), text: $ask }),+],
                            }],
                        };
                        Some(&RULE)
                    })+
                    _ => None,
                }
            }
        }
    };
}

rules! {
    UnapprovedSubcontractor: "承認未確認の再委託",
        "契約の再委託条項（再委託には委託元の承認が必要）",
        Some("番号法第10条第1項・第2項（個人番号利用事務等の再委託は、委託元の許諾を得た場合に限る。再々委託以降も最初の委託元の許諾による）"),
        [
            Officer Measure: "事実を確認し、事業者に使用の停止又は承認申請を求め、とった措置を記録してください。",
            Approver Measure: "担当者の確認の状況を確かめ、対応が遅れているときは、とるべき措置を担当者に示してください。措置をとったときは記録してください。",
            Auditor Measure: "担当者の確認と措置が適切かを確かめてください。確かめた事実や求めた措置は記録してください。",
            AgencyAdmin HandOver: "担当者が着手していません。担当者に対応を促し、担当者が不在のときは、ほかの担当者に引き継いでください。",
            Vendor Declare: "この期間に業務を行っていたかを確かめ、再委託状況報告で知らせてください。承認の申請は、貴社に再委託した事業者が行います。"
        ];
    SubcontractingProhibited: "再委託禁止の契約での再委託",
        "契約の再委託禁止条項", None,
        [
            Officer Measure: "事実を確認し、再委託の中止又は契約の変更を検討してください。認める場合は理由と期限を記録してください。",
            Approver Measure: "担当者の確認を踏まえ、中止を求めるか、認めるかを判断してください。認める場合は理由と期限を記録してください。"
        ];
    TierExceeded: "再委託の階層の超過",
        "契約で定めた再委託の階層の上限", None,
        [
            Officer Measure: "事実を確認し、体制の見直しを求めてください。認める場合は理由と期限を記録してください。",
            Approver Measure: "担当者の確認を踏まえ、見直しを求めるか、認めるかを判断してください。認める場合は理由と期限を記録してください。"
        ];
    RatioExceeded: "再委託金額の割合の超過",
        "契約で定めた再委託金額の割合の上限", None,
        [
            Officer Measure: "金額を確認し、特別の理由があるかを確かめてください。認める場合は理由と期限を記録してください。",
            Approver Measure: "担当者の確認を踏まえ、特別の理由があるかを判断してください。認める場合は理由と期限を記録してください。"
        ];
    OverseasHandling: "国外での取扱い",
        "契約の国外での取扱いに関する条項", None,
        [
            Officer Measure: "取扱いの場所と安全管理措置を確認してください。認める場合は理由と期限を記録してください。",
            Approver Measure: "担当者の確認を踏まえ、中止を求めるか、認めるかを判断してください。認める場合は理由と期限を記録してください。"
        ];
    VolumeExceeded: "承認した人数の超過",
        "承認の内容（取り扱う個人情報の人数）", None,
        [
            Officer Measure: "人数を確認し、変更承認申請を求めてください。認める場合は理由と期限を記録してください。",
            Approver Measure: "担当者の確認を踏まえ、変更承認申請を求めるか、認めるかを判断してください。認める場合は理由と期限を記録してください。"
        ];
    ConsentExpiring: "承認期間の満了予定",
        "承認の有効期間", None,
        [
            Officer LookAtChain: "引き続き使用するかを事業者に確かめ、使用するときは変更承認申請を、終えるときは終了の報告を求めてください。",
            VendorAbove Apply: "引き続き使用する場合は変更承認申請を、使用を終える場合は終了の報告を行ってください。",
            Vendor Declare: "業務を終えるときは、終了の日を再委託状況報告で報告してください。続けるときの変更承認申請は、貴社に再委託した事業者が行います。"
        ];
    EndNotReported: "終了報告未提出",
        "契約の再委託の条件（再委託状況の報告）", None,
        [
            Officer AskForReport: "再委託が終了した日の報告を待っています。報告がないときは、事業者に連絡してください。",
            Vendor Declare: "業務が終了した日を、再委託状況報告で報告してください。",
            VendorAbove Declare: "再委託が終了した日を、再委託状況報告で報告してください。"
        ];
    AuditDue: "検査・点検の期限",
        "契約の監督及び実地調査の条項、検査計画", None,
        [
            Auditor RecordResult: "期限までに検査・点検を実施し、結果を登録してください。",
            Officer RecordResult: "検査・点検の日程を監査担当に確かめてください（予告なしの検査は、事業者に知らせません）。実施した場合は結果を登録してください。",
            Vendor BeAudited: "検査・点検を受ける準備をし、日程は委託元と調整してください。自己点検のときは、点検の結果を委託元にお知らせください。"
        ];
    AuditOverdue: "検査・点検の期限超過",
        "契約の監督及び実地調査の条項、検査計画", None,
        [
            Auditor RecordResult: "至急、検査・点検を実施し、結果を登録してください。実施済みの場合も登録が必要です。",
            Officer RecordResult: "監査担当に実施の状況を確かめ、至急の日程を調整してください（予告なしの検査は、事業者に知らせません）。実施した場合は結果を登録してください。",
            Approver Measure: "期限までに実施されていません。実施の見込みを監査担当と担当者に確かめ、指示したことがあれば記録してください。",
            Vendor BeAudited: "検査・点検がまだのときは、日程を委託元と調整してください。受け終えているときは、委託元が結果を登録します。"
        ];
    AuditMissing: "年度内の実地検査の予定なし",
        "個人情報の保護に関する法律についての事務対応ガイド4-8-9(3)（委託先の実地検査等は年1回以上）",
        Some("特定個人情報ガイドラインに関するQ&A Q3-1-4（1つの委託業務につき年1回以上）、個人情報の保護に関する法律についての事務対応ガイド4-8-9(3)"),
        [
            Auditor PlanAudit: "年度内（契約の終了前）の実地検査を計画してください。",
            Officer PlanAudit: "年度内（契約の終了前）の実地検査を、監査担当と相談して計画してください。"
        ];
    DeclarationOverdue: "再委託状況報告の未提出",
        "契約の報告条項（再委託状況報告）", None,
        [
            Officer AskForReport: "事業者の報告を待っています。報告がないときは、事業者に連絡してください。",
            Vendor Declare: "対象期間の再委託状況を報告してください。再委託がない場合も「再委託なし」と報告してください。"
        ];
    DecisionWaiting: "承認申請の処理待ち",
        "機関が定めた承認申請の処理日数", None,
        [
            Approver Decide: "申請の内容を確認し、承認又は不承認を決定してください。審査がまだのときは、担当者に審査を求めてください。",
            Officer Review: "審査がまだのときは、審査してください。審査が済んでいるときは、決裁者の決定を待ちます。"
        ];
    ContractExpiring: "契約の終了予定",
        "契約期間", None,
        [
            Officer LookAtContract: "更新の要否と、終了時の返却・廃棄の予定を確認してください。"
        ];
    VendorChanged: "事業者の登録情報の変更",
        "法人番号の登録情報（閉鎖、合併、商号又は名称の変更）", None,
        [
            Officer RecordVendor: "承継する事業者又は新しい名称を確認し、登録してください。",
            AgencyAdmin RecordVendor: "担当者の確認を待っています。担当者が不在のときは、新しい名称を確認し、登録してください。"
        ];
    NoticeFailed: "通知の不達",
        "通知の送信記録", None,
        [
            AgencyAdmin Resend: "送信先を確認・修正し、再送してください。",
            Officer LookAtNotice: "送信先の修正と再送は、機関の管理者が行います。急ぐときは、相手に電話などで知らせてください。"
        ];
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::text_enum::TextEnum;

    fn version(valid_from: NaiveDate, version: i32) -> Version {
        Version { valid_from, version, basis: "契約", basis_my_number: Some("法"), asks: &[] }
    }

    #[test]
    fn the_version_is_that_of_the_day() {
        let day = |text: &str| text.parse::<NaiveDate>().unwrap();
        let versions = vec![version(NaiveDate::MIN, 1), version(day("2027-04-01"), 2)];
        let rule = Rule { name: "試験", versions: Box::leak(versions.into_boxed_slice()) };
        assert_eq!(rule.on(day("2027-03-31")).unwrap().version, 1);
        assert_eq!(rule.on(day("2027-04-01")).unwrap().version, 2);
        assert_eq!(rule.changes_after(day("2027-03-31")), Some(day("2027-04-01")));
        assert_eq!(rule.changes_after(day("2027-04-01")), None);
        let version = rule.on(day("2027-04-01")).unwrap();
        assert_eq!((version.basis(true), version.basis(false)), ("法", "契約"));
    }

    #[test]
    fn every_kind_that_is_raised_has_a_rule_that_holds_since_ever() {
        for kind in AlertKind::ALL {
            let raised =
                kind.is_evaluated() || matches!(kind, AlertKind::VendorChanged | AlertKind::NoticeFailed);
            assert_eq!(kind.rule().is_some(), raised, "{kind}");
            assert!(!raised || kind.rule().unwrap().on(NaiveDate::MIN).is_some());
        }
    }

    #[test]
    fn the_act_is_cited_for_my_number_only() {
        for kind in AlertKind::ALL {
            let version = kind.rule().and_then(|rule| rule.on(NaiveDate::MIN));
            assert!(version.is_none_or(|version| !version.basis(false).contains("番号法")), "{kind}");
        }
    }
}
