//! What has just been done, in words. An act leads to a page whose address names it (`?done=…`), so that going back
//! or reloading does nothing twice.

/// By the name in the address.
const DONE: &[(&str, &str)] = &[
    ("session", "ログインを終了しました。"),
    ("password", "パスワードを変更しました。ほかの端末のログインは終了しています。"),
    ("contract", "契約を登録しました。"),
    ("imported", "契約を取り込みました。"),
    ("amended", "変更契約を登録しました。"),
    ("department", "担当部署を改めました。"),
    ("terminated", "契約の終了を登録しました。"),
    ("handed_over", "担当者を引き継ぎました。"),
    ("filed", "申請を提出しました。"),
    ("resubmitted", "補正した申請を提出しました。"),
    ("withdrawn", "申請を取り下げました。"),
    ("reviewed", "審査を記録しました。"),
    ("returned", "補正を依頼しました。"),
    ("decided", "決裁を記録しました。"),
    ("revoked", "取消しを記録しました。"),
    ("nothing_revoked", "その日より前に終わっているため、取り消す期間はありませんでした。何も変わっていません。"),
    ("recorded", "既承認を登録しました。"),
    ("declared", "報告を受け付けました。ご報告ありがとうございます。"),
    ("retracted", "取り消しました。"),
    ("observed", "確認事項を記録しました。"),
    ("planned", "検査を計画に入れました。"),
    ("completed", "検査の結果を記録しました。"),
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
    ("deputy", "代理を指定しました。"),
    ("settings", "設定を変更しました。"),
    ("resent", "もう一度送ります。"),
    ("clock", "デモの日付を進めました。"),
];

/// The words of an act; None: no act of ours has the name.
pub fn message(name: &str) -> Option<&'static str> {
    DONE.iter().find(|(known, _)| *known == name).map(|(_, words)| *words)
}
