//! What the ledger's actions are called on pages, and where the thing acted on is shown.

use crate::domain::access::{Actor, Permission};
use crate::domain::id::SubjectId;

/// Every action the program records, by its name.
const ACTIONS: &[(&str, &str)] = &[
    ("access_log.closed", "1日分の閲覧記録を封印した"),
    ("alert.acknowledged", "アラートに着手した"),
    ("alert.assessed", "アラートの該当・非該当を判断した"),
    ("alert.measured", "アラートにとった措置を記録した"),
    ("alert.opened", "アラートが出た"),
    ("alert.resolved", "アラートが解消した"),
    ("alert.restated", "アラートの期間・期限・文面が変わった"),
    ("alert.told", "アラートを改めて知らせた"),
    ("alert.updated", "アラートの内容が変わった"),
    ("application.consented", "申請を承認した"),
    ("application.filed", "再委託の承認を申請した"),
    ("application.refused", "申請を不承認とした"),
    ("application.resubmitted", "申請を補正して出し直した"),
    ("application.returned", "申請の補正を依頼した"),
    ("application.reviewed", "申請を審査した"),
    ("application.sent_back", "申請を担当者に差し戻した"),
    ("application.withdrawn", "申請を取り下げた"),
    ("audit.cancelled", "検査の計画を取り消した"),
    ("audit.completed", "検査の結果を登録した"),
    ("audit.corrected", "検査の結果を訂正した"),
    ("audit.findings_confirmed", "指摘の是正を確認した"),
    ("audit.planned", "検査を計画に入れた"),
    ("consent.recorded", "既に与えた承認を登録した"),
    ("consent.revoked", "承認を取り消した"),
    ("contract.amended", "変更契約を登録した"),
    ("contract.amendment_withdrawn", "変更契約を取り消した"),
    ("contract.department_changed", "担当部署を改めた"),
    ("contract.handed_over", "担当者を引き継いだ"),
    ("contract.handover_withdrawn", "予定していた担当者の引継ぎを取りやめた"),
    ("contract.import_undone", "契約の取込みを取り消した"),
    ("contract.imported", "契約を取り込んだ"),
    ("contract.projected", "先に登録した契約条件・担当者に切り替わった"),
    ("contract.registered", "契約を登録した"),
    ("contract.terminated", "契約を解除・終了とした"),
    ("contract.terms_corrected", "契約条件を訂正した"),
    ("contract.voided", "契約の登録を取り消した"),
    ("declaration.filed", "再委託の状況を報告した"),
    ("declaration.retracted", "報告を取り消した"),
    ("department.set", "担当部署を登録した"),
    ("engagement.named", "記載された名義を記録した"),
    ("holidays.imported", "祝日の一覧を取り込んだ"),
    ("notice.resent", "届かなかった通知をもう一度送った"),
    ("observation.recorded", "確認事項を記録した"),
    ("observation.retracted", "確認事項を取り消した"),
    ("organization.changed", "組織の登録内容を変更した"),
    ("organization.registered", "組織を登録した"),
    ("settings.changed", "設定を変更した"),
    ("signing_key.registered", "受付票に署名する鍵を登録した"),
    ("user.change_approved", "承認待ちの変更を承認した"),
    ("user.change_asked", "利用者の変更を求めた（別の管理者の承認を待つ）"),
    ("user.change_expired", "承認待ちの変更が期限を過ぎた"),
    ("user.change_rejected", "承認待ちの変更を却下した"),
    ("user.change_void", "承認待ちの変更ができなくなった"),
    ("user.change_withdrawn", "承認待ちの変更を取り下げた"),
    ("user.changed", "利用者を変更した"),
    ("user.deputy_appointed", "代理を指定した"),
    ("user.deputy_ended", "代理の最終日を早めた"),
    ("user.factor_enrolled", "二要素認証を登録した"),
    ("user.factor_removed", "二要素認証を外した"),
    ("user.factors_reset", "二要素認証を解除した"),
    ("user.invitation_accepted", "招待を受けて利用を始めた"),
    ("user.invited", "利用者を招待した"),
    ("user.unblocked", "ログインの制限を解除した"),
    ("user.sessions_ended", "利用者のログインを終了した"),
    ("user.password_changed", "パスワードを変更した"),
    ("user.password_reset", "パスワードを再設定した"),
    ("user.recovery_code_used", "回復コードを使った"),
    ("user.recovery_codes_renewed", "回復コードを新しくした"),
    ("user.registered", "利用者を登録した"),
    ("vendor.merged", "事業者を別の事業者に統合した"),
];

/// Whose pages show one thing by its id: the first word of the action, the address before the id, and what one needs
/// to see it.
const PLACES: &[(&str, &str, Permission)] = &[
    ("alert", "/alerts", Permission::ReadAlerts),
    ("application", "/applications", Permission::ReadContract),
    ("audit", "/audits", Permission::ReadContract),
    ("declaration", "/declarations", Permission::ReadContract),
];

/// The action in words; None: it has none.
pub fn words(action: &str) -> Option<&'static str> {
    ACTIONS.iter().find(|(known, _)| *known == action).map(|(_, words)| *words)
}

/// Where the thing acted on is shown; None: on no page of its own, or on none that the reader may see.
pub fn address(reader: &Actor, action: &str, subject: SubjectId) -> Option<String> {
    let (kind, _) = action.split_once('.')?;
    let (_, place, needed) = PLACES.iter().find(|(known, ..)| *known == kind)?;
    reader.may(*needed).then(|| format!("{place}/{subject}"))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::fs;
    use std::path::Path;

    use super::*;

    fn sources(folder: &Path, found: &mut Vec<String>) {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                sources(&path, found);
            } else if path.extension().is_some_and(|kind| kind == "rs") {
                let text = fs::read_to_string(&path).unwrap();
                // Not the tests beside the code, whose actions are made up.
                found.push(text.split("#[cfg(test)]").next().unwrap_or_default().to_owned());
            }
        }
    }

    /// `noun.verb`, as actions are called.
    fn is_action(text: &str) -> bool {
        let is_word =
            |word: &str| !word.is_empty() && word.bytes().all(|b| b.is_ascii_lowercase() || b == b'_');
        text.split_once('.').is_some_and(|(noun, verb)| is_word(noun) && is_word(verb))
    }

    /// The actions that the program writes: every text of that form given to `record`, and every one whose noun is
    /// that of an action.
    fn written() -> BTreeSet<String> {
        let mut texts = Vec::new();
        for room in ["service", "ledger", "db"] {
            sources(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src").join(room), &mut texts);
        }
        let nouns: BTreeSet<&str> =
            ACTIONS.iter().filter_map(|(name, _)| Some(name.split_once('.')?.0)).collect();
        let mut written = BTreeSet::new();
        for text in &texts {
            for given in text.split(".record(").skip(1) {
                let literal = given.trim_start().strip_prefix('"').and_then(|rest| rest.split('"').next());
                written.extend(literal.map(str::to_owned));
            }
            let literals = text.split('"').filter(|literal| is_action(literal));
            let of_ours =
                literals.filter(|literal| literal.split('.').next().is_some_and(|noun| nouns.contains(noun)));
            written.extend(of_ours.map(str::to_owned));
        }
        written
    }

    #[test]
    fn every_action_that_is_recorded_has_its_words() {
        let written = written();
        assert!(written.len() > 30, "the sources are not read: {written:?}");
        let mute: Vec<&String> = written.iter().filter(|action| words(action).is_none()).collect();
        assert!(mute.is_empty(), "without words: {mute:?}");
        let unwritten: Vec<&str> =
            ACTIONS.iter().map(|(action, _)| *action).filter(|action| !written.contains(*action)).collect();
        assert!(unwritten.is_empty(), "nobody records: {unwritten:?}");
    }
}
