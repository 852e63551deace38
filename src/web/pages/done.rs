//! What has just been done, in words. An act leads to a page whose address names it (`?done=…`), so that going back
//! or reloading does nothing twice.

use std::borrow::Cow;

/// By the name in the address.
const DONE: &[(&str, &str)] = &[
    ("session", "ログインを終了しました。"),
    ("welcome", "パスワードを設定し、ログインしました。"),
    ("password", "パスワードを変更しました。ほかの端末のログインは終了しています。"),
    ("factor", "二要素認証を登録しました。ほかの端末のログインは終了しています。"),
    ("factor_removed", "外しました。ほかの端末のログインは終了しています。"),
    ("factors_reset", "二要素認証を解除しました。本人が次にログインするときに、登録し直します。"),
    ("contract", "契約を登録しました。"),
    ("imported", "契約を取り込みました。"),
    ("amended", "変更契約を登録しました。"),
    ("amendment_withdrawn", "変更契約を取り消しました。"),
    ("terms_corrected", "契約条件を訂正しました。"),
    ("department", "担当部署を改めました。"),
    ("merged", "事業者を統合しました。体制とアラートは、統合先の事業者のものとして改めて判定しました。"),
    ("terminated", "契約の終了を登録しました。"),
    ("voided", "契約の登録を取り消しました。契約番号は、ほかの契約に使えます。"),
    ("import_undone", "取込みを取り消しました。契約番号は、ほかの契約に使えます。"),
    ("handed_over", "担当者を引き継ぎました。"),
    ("handover_planned", "引継ぎを登録しました。引き継ぐ日までは、いまの担当者のままです。"),
    ("handover_withdrawn", "予定していた引継ぎを取りやめました。"),
    ("filed", "申請を提出しました。"),
    ("resubmitted", "補正した申請を提出しました。"),
    ("withdrawn", "申請を取り下げました。"),
    ("reviewed", "審査を記録しました。次は、審査をした人とは別の決裁者が決裁します。"),
    ("returned", "補正を依頼しました。"),
    ("sent_back", "担当者に差し戻しました。審査が記録し直されると、もう一度決裁を待つ申請になります。"),
    ("decided", "決裁を記録しました。"),
    ("revoked", "取消しを記録しました。"),
    (
        "nothing_revoked",
        "その日より前に終わっているため、取り消す期間はありませんでした。何も変わっていません。",
    ),
    ("recorded", "既承認を登録しました。"),
    ("draft_submitted", "起案しました。決裁者が内容を確かめて、まとめて登録します。"),
    ("draft_withdrawn", "起案を取り下げました。何も登録していません。"),
    ("draft_recorded", "起案のすべてを既承認として登録しました。"),
    ("declared", "報告を受け付けました。ご報告ありがとうございます。"),
    ("retracted", "取り消しました。"),
    ("observed", "確認事項を記録しました。"),
    ("planned", "検査を計画に入れました。"),
    ("completed", "検査の結果を記録しました。"),
    ("corrected", "検査の結果を訂正しました。"),
    ("confirmed", "指摘の是正の確認を記録しました。"),
    ("unconfirmed", "指摘の是正の確認を取り消しました。"),
    ("cancelled", "検査の計画を取り消しました。"),
    ("acknowledged", "着手しました。"),
    ("resolved", "とった措置を記録しました。"),
    ("assessed", "判断を記録しました。"),
    ("vendor", "事業者を登録しました。"),
    ("agency", "機関を登録しました。"),
    ("organization", "登録した内容を変更しました。"),
    ("user", "利用者を登録しました。"),
    ("user_changed", "利用者を変更しました。"),
    ("invited", "招待メールを送り直しました。"),
    ("unblocked", "ログインの制限を解除しました。本人は、すぐにログインを試せます。"),
    ("sessions_ended", "ログインをすべて終了しました。本人にメールで知らせます。"),
    ("deputy", "代理を指定しました。"),
    ("deputy_asked", "代理を申し出ました。管理者が承認すると効力が生じます。結果はメールで知らせます。"),
    ("deputy_ended", "代理の最終日を早めました。"),
    (
        "change_asked",
        "受け付けました。役割の追加などは、別の管理者が承認すると効力が生じます。本人とほかの管理者にメールで知らせます。",
    ),
    ("change_approved", "変更を承認しました。効力が生じています。"),
    ("change_rejected", "変更を却下しました。何も変わっていません。"),
    ("change_withdrawn", "変更を取り下げました。何も変わっていません。"),
    ("change_void", "この変更は、できなくなっていたため取りやめになりました。理由を確認してください。"),
    ("settings", "設定を変更しました。"),
    ("department_set", "担当部署を登録しました。"),
    ("resent", "もう一度送ります。"),
];

/// What the day brought to which the demonstration's clock was moved.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Brought {
    /// Alerts opened, and resolved.
    pub opened: usize,
    pub resolved: usize,
    /// Mails sent, and not sent.
    pub sent: usize,
    pub unsent: usize,
}

/// Begins the name of a moved clock, before what the day brought.
const CLOCK: &str = "clock";

impl Brought {
    /// The name in the address.
    pub fn name(self) -> String {
        format!("{CLOCK}.{}.{}.{}.{}", self.opened, self.resolved, self.sent, self.unsent)
    }

    fn read(name: &str) -> Option<Self> {
        let mut parts = name.strip_prefix(CLOCK)?.strip_prefix('.')?.split('.').map(str::parse);
        let mut next = || parts.next()?.ok();
        let brought = Self { opened: next()?, resolved: next()?, sent: next()?, unsent: next()? };
        parts.next().is_none().then_some(brought)
    }

    fn words(self) -> String {
        let mut words = format!(
            "デモの日付を進めました。新しいアラート {}件、解消したアラート {}件、送ったメール {}通。",
            self.opened, self.resolved, self.sent
        );
        if self.unsent > 0 {
            let told = format!("送れなかったメールが{}通あります。", self.unsent);
            words.push_str(&told);
        }
        words
    }
}

/// The words of an act; None: no act of ours has the name.
pub fn message(name: &str) -> Option<Cow<'static, str>> {
    let fixed = DONE.iter().find(|(known, _)| *known == name).map(|(_, words)| Cow::Borrowed(*words));
    fixed.or_else(|| Brought::read(name).map(|brought| Cow::Owned(brought.words())))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_day_brought_is_told_from_its_name() {
        let brought = Brought { opened: 3, resolved: 1, sent: 12, unsent: 0 };
        let words = message(&brought.name()).unwrap();
        assert!(words.contains("新しいアラート 3件") && words.contains("メール 12通"), "{words}");
        assert!(!words.contains("送れなかった"));
        assert!(message(&Brought { unsent: 2, ..brought }.name()).unwrap().contains("2通あります"));
        for strange in
            ["clock", "clock.1", "clock.1.2.3.4.5", "clock.1.2.3.x", "clock.1.2.3.-4", "clock1.2.3.4"]
        {
            assert_eq!(message(strange), None, "{strange}");
        }
    }
}
