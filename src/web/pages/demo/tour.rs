//! 見どころ: the demonstration in six steps, each with the role to sign in as and the address to look at. The same for
//! everyone, so that it can be read before any login.

use serde_json::{Value, json};

use super::super::first::Login;
use crate::domain::access::Role;

/// One thing worth seeing.
struct Step {
    title: &'static str,
    what: &'static str,
    /// Who sees it, and where.
    role: Role,
    path: &'static str,
    /// What else is worth opening from here: address and words.
    more: &'static [(&'static str, &'static str)],
}

const STEPS: &[Step] = &[
    Step {
        title: "今日、手を打つことがひと目で分かる",
        what: "担当者のホームには、未解決のアラート、決定を待つ申請、期限の近い検査や報告が件数で並びます。件数を選ぶと、その一覧が開きます。",
        role: Role::Officer,
        path: "/home",
        more: &[],
    },
    Step {
        title: "承認を確認できない再委託が見つかる",
        what: "事業者の報告や実地の確認を承認と突き合わせ、承認を確認できない利用があると重大なアラートになります。アラートには、原因、根拠にした記録、次にすることが書かれています。",
        role: Role::Officer,
        path: "/alerts?kind=unapproved_subcontractor",
        more: &[],
    },
    Step {
        title: "再委託の承認申請を審査して決裁する",
        what: "決裁者は、申請の内容と審査の意見を、再委託の全体図の中で見て決めます。承認・不承認・補正依頼は、理由とともに変更履歴に残ります。",
        role: Role::Approver,
        path: "/applications?state=applied",
        more: &[],
    },
    Step {
        title: "事業者が状況を報告し、受付票を受け取る",
        what: "委託先の担当者は、前回の報告を引き継いで報告できます。受け付けると署名つきの受付票が出て、いつ何を報告したかをあとから確かめられます。",
        role: Role::VendorUser,
        path: "/declarations",
        more: &[],
    },
    Step {
        title: "期限を過ぎた検査が残らない",
        what: "検査の計画には期限と周期があり、過ぎたものは監査担当と担当者に知らされます。結果と指摘を登録すると、次回の期限が決まります。",
        role: Role::Auditor,
        path: "/audits?state=overdue",
        more: &[],
    },
    Step {
        title: "変更履歴で確かめ、日付を進めてみる",
        what: "契約を開いて「変更履歴」を選ぶと、だれがいつ何を記録したかが、書き換えれば分かる形で並んでいます。上の帯で日付を進めると、その日の点検が行われ、アラートとメールが増えます。",
        role: Role::Officer,
        path: "/contracts?alert=open",
        more: &[("/demo/clock", "日付を進める画面を開く"), ("/demo/mail", "送られたメールを読む")],
    },
];

/// What the page is made of: each step with the login that leads to it. A demonstration begun empty has few.
pub fn context(logins: &[Login]) -> Value {
    let shown = |step: &Step| {
        let role = step.role;
        let login = logins.iter().find(|login| login.role == role.as_str());
        let login = login.map(|l| json!({ "title": l.title, "email": l.email, "password": l.password }));
        let more: Vec<Value> =
            step.more.iter().map(|(path, words)| json!({ "path": path, "words": words })).collect();
        json!({
            "title": step.title, "what": step.what, "role": role.title(), "path": step.path,
            "login": login, "more": more,
        })
    };
    json!({ "steps": STEPS.iter().map(shown).collect::<Vec<_>>() })
}
