//! A sample of every mail, for the tests that render them all. Names are invented.

use super::{
    NoticeKind,
    context::{
        AccountChange, AccountChangedMail, AlertMail, ApplicationRef, BackupOverdueMail, ChangeAskedMail,
        ChangeEndedMail, ChangeOutcome, ChangeRef, CollectedItem, CollectedMail, ContractRef, Day,
        DecidedMail, DeclaredEngagement, DigestGroup, DigestItem, DigestMail, DigestRest, EmailChangedMail,
        FiledMail, InvitationMail, Inviter, LoginFailuresMail, Mail, Moment, Outcome, ReceiptMail,
        ReturnedMail, ReviewedMail, RevokedMail, SentBackMail, TokenMail,
    },
    letter::{Contact, Letter},
};
use crate::{
    domain::{id::Id, text_enum::TextEnum as _},
    ledger::receipt::Receipt,
};

const LINK: &str = "https://itaku.example.lg.jp/alerts/01900000-0000-7000-8000-0000000000a1";

fn day(on: &str, wareki: &str) -> Day {
    Day { on: on.parse().unwrap(), wareki: wareki.into() }
}

fn moment(on: &str, wareki: &str) -> Moment {
    Moment { day: day(on, wareki), time: "18:00".into() }
}

fn change(own: bool) -> ChangeRef {
    ChangeRef {
        organization: "見本市".into(),
        person: "見本 花子".into(),
        own,
        what: "役割の追加（決裁者）".into(),
        asked_by: "見本 太郎".into(),
        asked: moment("2026-11-10", "令和8年11月10日"),
        link: LINK.into(),
    }
}

fn contract() -> ContractRef {
    ContractRef { number: "R8-0123".into(), title: "見本データ入力業務 <令和8年度>".into() }
}

/// Kind, title, severity, message, next step.
const ALERTS: [(NoticeKind, &str, &str, &str, &str); 16] = [
    (
        NoticeKind::UnapprovedSubcontractor,
        "承認未確認の再委託",
        "重大",
        "株式会社見本サブについて、令和8年5月20日から番号法第10条の許諾を確認できません。",
        "事実を確認し、講じた措置を記録してください。",
    ),
    (
        NoticeKind::SubcontractingProhibited,
        "再委託禁止の契約での再委託",
        "重大",
        "再委託を禁止している契約で、再委託の報告がありました。",
        "事実を確認し、講じた措置を記録してください。",
    ),
    (
        NoticeKind::TierExceeded,
        "再委託の階層の超過",
        "注意",
        "契約で定めた階層（2次まで）を超える再委託の報告がありました。",
        "契約条項を確認してください。",
    ),
    (
        NoticeKind::RatioExceeded,
        "再委託の割合の超過",
        "注意",
        "再委託の金額の割合が、契約で定めた割合以上となっています。",
        "特別な理由の有無を確認してください。",
    ),
    (
        NoticeKind::OverseasHandling,
        "国外での取扱い",
        "重大",
        "国外での取扱いの報告がありました。",
        "取扱いの場所と承認の内容を確認してください。",
    ),
    (
        NoticeKind::ConsentExpiring,
        "承認期間の満了",
        "注意",
        "承認の有効期間がまもなく満了します。",
        "継続する場合は、変更承認申請を提出してください。",
    ),
    (
        NoticeKind::EndNotReported,
        "終了報告未提出",
        "注意",
        "契約期間が終了しましたが、再委託の終了の報告がありません。",
        "終了日を報告してください。",
    ),
    (
        NoticeKind::VolumeExceeded,
        "承認された件数の超過",
        "注意",
        "報告された件数が、承認された件数を超えています。",
        "件数を確認し、必要な手続をとってください。",
    ),
    (
        NoticeKind::AuditDue,
        "検査の期限",
        "情報",
        "実地検査の期限が近づいています。",
        "検査の日程を調整してください。",
    ),
    (
        NoticeKind::AuditOverdue,
        "検査の期限超過",
        "重大",
        "実地検査の期限を過ぎています。",
        "検査を実施し、結果を記録してください。",
    ),
    (
        NoticeKind::AuditMissing,
        "年度内の実地検査の予定なし",
        "注意",
        "本年度の実地検査が計画されていません。",
        "検査を計画してください。",
    ),
    (
        NoticeKind::DeclarationOverdue,
        "再委託状況報告の未提出",
        "注意",
        "再委託状況報告の提出を確認できません。",
        "報告を提出してください。再委託がない場合は「再委託なし」とご報告ください。",
    ),
    (
        NoticeKind::DecisionWaiting,
        "決定待ちの申請",
        "注意",
        "再委託承認申請が決定を待っています。",
        "申請の内容を確認し、決定してください。",
    ),
    (
        NoticeKind::ContractExpiring,
        "契約期間の満了",
        "情報",
        "契約期間がまもなく満了します。",
        "更新又は終了の手続を確認してください。",
    ),
    (
        NoticeKind::VendorChanged,
        "事業者情報の変更",
        "注意",
        "法人番号公表サイトの情報に、商号の変更があります。",
        "変更の内容を確認し、記録してください。",
    ),
    (
        NoticeKind::NoticeFailed,
        "通知の不達",
        "注意",
        "お知らせのメールを届けることができませんでした。",
        "宛先を確認し、訂正又は再送してください。",
    ),
];

/// A sample of an alert's mail. A failed notice and a changed vendor belong to no contract.
pub fn alert(kind: NoticeKind) -> AlertMail {
    let (_, title, severity, message, next_step) = ALERTS.iter().find(|(known, ..)| *known == kind).unwrap();
    let of_contract = !matches!(kind, NoticeKind::NoticeFailed | NoticeKind::VendorChanged);
    AlertMail {
        kind,
        title: (*title).into(),
        agency: "見本市".into(),
        contract: of_contract.then(contract),
        message: (*message).into(),
        contact: None,
        severity: (*severity).into(),
        cause: (kind == NoticeKind::UnapprovedSubcontractor).then(|| "申請なし".into()),
        due: of_contract.then(|| day("2026-11-10", "令和8年11月10日")),
        rule: format!("{kind}（2026-04-01 版）"),
        basis: "契約書第10条".into(),
        next_step: (*next_step).into(),
        link: LINK.into(),
    }
}

fn application() -> ApplicationRef {
    ApplicationRef {
        agency: "見本市".into(),
        contract: contract(),
        consent_word: "承諾".into(),
        applicant: "株式会社見本プライム".into(),
        vendor: "株式会社見本サブ".into(),
        tier_word: "第2層".into(),
        starts: day("2026-05-01", "令和8年5月1日"),
        ends: day("2026-12-31", "令和8年12月31日"),
        link: LINK.into(),
    }
}

fn token() -> TokenMail {
    TokenMail {
        organization: "見本市".into(),
        link: "https://itaku.example.lg.jp/invitation/mihon-token".into(),
        until: day("2026-11-17", "令和8年11月17日"),
        until_time: "18:00".into(),
    }
}

fn invitation(by: Inviter) -> InvitationMail {
    let TokenMail { until, until_time, .. } = token();
    let is_vendor = matches!(by, Inviter::Agency { .. });
    InvitationMail {
        organization: if is_vendor { "株式会社見本プライム" } else { "見本市" }.into(),
        is_vendor,
        person: (!is_vendor).then(|| "見本 花子".into()),
        login: "mihon@example.lg.jp".into(),
        roles: if is_vendor {
            vec!["委託先担当者".into(), "委託先管理者".into()]
        } else {
            vec!["担当者".into()]
        },
        by,
        link: "https://itaku.example.lg.jp/invitation/mihon-token".into(),
        until,
        until_time,
    }
}

/// A mail as it stands in the outbox: those that a vendor reads with whom it asks.
pub fn letter(mail: &Mail) -> serde_json::Value {
    let to_vendor = matches!(
        mail,
        Mail::ApplicationDecided(_)
            | Mail::ApplicationReturned(_)
            | Mail::ConsentRevoked(_)
            | Mail::DeclarationReceipt(_)
    );
    let letter = Letter {
        organization: Some(if to_vendor { "株式会社見本プライム" } else { "見本市" }.into()),
        person: (mail.kind() != NoticeKind::AuditMissing).then(|| "見本 花子".into()),
        why: Some("あなたが<見本>の利用者として登録されているためです。".into()),
        contacts: to_vendor.then(contact).into_iter().collect(),
    };
    let mut value = mail.to_value().unwrap();
    value.as_object_mut().unwrap().insert("letter".into(), serde_json::json!(letter));
    value
}

/// Whom a vendor asks.
pub fn contact() -> Contact {
    Contact {
        agency: "見本市".into(),
        department: Some("見本課".into()),
        person: Some("契約監督係".into()),
        telephone: Some("00-0000-0000（内線 12）".into()),
        email: Some("mihonka@example.lg.jp".into()),
    }
}

fn digest() -> DigestMail {
    let item = |title: &str, due: Option<Day>, contract: Option<ContractRef>| DigestItem {
        title: title.into(),
        contract,
        message: "内容を確認してください。".into(),
        next_step: "申請の内容を確認し、決定してください。".into(),
        contact: title.starts_with("契約").then(contact),
        due,
        link: LINK.into(),
    };
    let due = day("2026-12-10", "令和8年12月10日");
    DigestMail {
        organization: "見本市".into(),
        day: day("2026-11-10", "令和8年11月10日"),
        groups: vec![
            DigestGroup {
                severity: "注意".into(),
                items: vec![
                    item("決定待ちの申請", Some(due), Some(contract())),
                    item("通知の不達", None, None),
                ],
                more: vec![DigestRest {
                    title: "監査期限の超過".into(),
                    count: 2950,
                    link: "https://itaku.example.lg.jp/alerts?kind=audit_overdue&severity=warning".into(),
                }],
            },
            DigestGroup {
                severity: "情報".into(),
                items: vec![item("契約期間の満了", None, Some(contract()))],
                more: Vec::new(),
            },
        ],
        link: LINK.into(),
    }
}

fn receipt(engagements: Vec<DeclaredEngagement>) -> ReceiptMail {
    ReceiptMail {
        agency: "見本市".into(),
        contract: contract(),
        consent_word: "承認".into(),
        from: day("2026-04-01", "令和8年4月1日"),
        to: day("2026-06-30", "令和8年6月30日"),
        engagements,
        receipt: Receipt {
            entry: Id::from_uuid(uuid::Uuid::from_u128(1)),
            chain_id: Id::from_uuid(uuid::Uuid::from_u128(2)),
            seq: 7,
            hash: "0".repeat(64),
            signature: "mihon".into(),
            key_id: "0123456789abcdef".into(),
        },
        link: LINK.into(),
    }
}

fn filed(again: bool) -> Mail {
    let decide_by = Some(day("2026-04-24", "令和8年4月24日"));
    Mail::ApplicationFiled(FiledMail { application: application(), decide_by, again })
}

fn reviewed(again: bool) -> Mail {
    let decide_by = Some(day("2026-04-24", "令和8年4月24日"));
    Mail::ApplicationReviewed(ReviewedMail { application: application(), decide_by, again })
}

fn decided(outcome: Outcome) -> Mail {
    let reason = "安全管理措置を確認しました。".into();
    let deputy = outcome == Outcome::Refuse;
    Mail::ApplicationDecided(DecidedMail { application: application(), outcome, reason, deputy })
}

/// Every kind at least once; both outcomes of a decision, declarations with and without subcontracting.
#[expect(clippy::too_many_lines, reason = "a list of every kind")]
pub fn all() -> Vec<Mail> {
    let started = || day("2026-05-20", "令和8年5月20日");
    let engagement = |vendor: &str, ended, uncovered: bool| DeclaredEngagement {
        vendor: vendor.into(),
        started: started(),
        ended,
        amount: uncovered.then(|| "1,200,000円".into()),
        country: uncovered.then(|| "フィリピン".into()),
        uncovered,
    };
    let mut mails: Vec<_> = NoticeKind::ALL
        .iter()
        .filter(|kind| **kind < NoticeKind::Digest)
        .map(|kind| Mail::Alert(alert(*kind)))
        .collect();
    mails.extend([
        Mail::Digest(digest()),
        Mail::Invitation(invitation(Inviter::Person {
            organization: "見本市".into(),
            name: "見本 太郎".into(),
        })),
        Mail::Invitation(invitation(Inviter::Agency {
            agency: "見本市".into(), contract: Some(contract())
        })),
        Mail::PasswordReset(token()),
        Mail::EmailChanged(EmailChangedMail {
            organization: "見本市".into(),
            day: day("2026-11-10", "令和8年11月10日"),
            link: "https://itaku.example.lg.jp/".into(),
        }),
        Mail::AccountChanged(AccountChangedMail::new(
            AccountChange::Password,
            "見本市".into(),
            day("2026-11-10", "令和8年11月10日"),
            "18:00".into(),
            "https://itaku.example.lg.jp/".into(),
        )),
        Mail::LoginFailures(LoginFailuresMail {
            organization: "見本市".into(),
            day: day("2026-11-10", "令和8年11月10日"),
            time: "18:00".into(),
            link: "https://itaku.example.lg.jp/".into(),
        }),
        Mail::BackupOverdue(BackupOverdueMail {
            last: Some(day("2026-11-07", "令和8年11月7日")),
            days: 2,
            link: "https://itaku.example.lg.jp/backups".into(),
        }),
        Mail::Collected(CollectedMail {
            organization: "見本市".into(),
            items: vec![
                CollectedItem {
                    title: "【受付票】再委託状況報告（R8-0123）".into(),
                    message: None,
                    contact: Some(contact()),
                    link: LINK.into(),
                },
                CollectedItem {
                    title: "【重大】承認未確認の再委託（R8-0123）".into(),
                    message: Some("株式会社見本サブについて、<承認>を確認できません。".into()),
                    contact: None,
                    link: LINK.into(),
                },
            ],
            link: "https://itaku.example.lg.jp/home".into(),
        }),
        Mail::ChangeAsked(ChangeAskedMail {
            change: change(true),
            takes_effect: Some(moment("2026-11-11", "令和8年11月11日")),
            expires: moment("2026-11-24", "令和8年11月24日"),
        }),
        Mail::ChangeAsked(ChangeAskedMail {
            change: change(false),
            takes_effect: None,
            expires: moment("2026-11-24", "令和8年11月24日"),
        }),
        Mail::ChangeEnded(ChangeEndedMail {
            change: change(false),
            outcome: ChangeOutcome::Rejected,
            by: Some("見本 次郎".into()),
            reason: Some("本人が<依頼>していないため。".into()),
        }),
        Mail::ChangeEnded(ChangeEndedMail {
            change: change(true),
            outcome: ChangeOutcome::InForce,
            by: None,
            reason: None,
        }),
        filed(false),
        filed(true),
        reviewed(false),
        reviewed(true),
        decided(Outcome::Consent {
            valid_from: day("2026-05-01", "令和8年5月1日"),
            valid_until: day("2026-12-31", "令和8年12月31日"),
            conditions: Some("四半期ごとに報告すること。".into()),
        }),
        decided(Outcome::Refuse),
        Mail::ApplicationReturned(ReturnedMail {
            application: application(),
            points: "1 作業場所の住所\n2 <選定理由>".into(),
            reply_by: Some(day("2026-04-24", "令和8年4月24日")),
        }),
        Mail::ApplicationSentBack(SentBackMail {
            application: application(),
            reason: "再委託先の実績を確かめてください。\n<条項>の確認が空欄です。".into(),
            decide_by: Some(day("2026-04-24", "令和8年4月24日")),
        }),
        Mail::ConsentRevoked(RevokedMail {
            agency: "見本市".into(),
            contract: contract(),
            consent_word: "承認".into(),
            vendor: "株式会社見本サブ".into(),
            effective: day("2026-11-10", "令和8年11月10日"),
            reason: "安全管理措置に不備が認められたため。".into(),
            deputy: true,
            link: LINK.into(),
        }),
        Mail::DeclarationReceipt(receipt(vec![
            engagement("株式会社見本サブ", Some(day("2026-06-10", "令和8年6月10日")), false),
            engagement("見本データ合同会社", None, true),
        ])),
        Mail::DeclarationReceipt(receipt(Vec::new())),
    ]);
    mails
}
