//! Why a use case did not do what was asked, in terms that every door (API, pages, commands) can tell.

use crate::db::DbError;
use crate::domain::input::FieldError;
use crate::ledger::LedgerError;

/// Why nothing was done. Nothing is ever half-done.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    /// No valid session.
    #[error("ログインしてください。")]
    Unauthorized,
    /// E-mail or password wrong; the same words whether or not the account exists.
    #[error("メールアドレスまたはパスワードが正しくありません。")]
    WrongCredentials,
    /// The password was right, and the account has a second factor.
    #[error("認証アプリのコードが必要です。コード、または回復コードを totp で指定してください。")]
    CodeRequired,
    /// The password was right, and the code is wrong or was used.
    #[error(
        "コードが正しくないか、すでに使われています。認証アプリに新しいコードが表示されてから、もう一度入力してください。"
    )]
    WrongCode,
    /// The person's roles need a second factor and they have none: nothing else goes before it.
    #[error("この役割には二要素認証の登録が必要です。先に登録してください。")]
    FactorRequired,
    /// The login is not fresh enough for what was asked.
    #[error("もう一度パスワードを確認する必要があります。")]
    Reauthenticate,
    /// The role may not.
    #[error("{0}")]
    Forbidden(String),
    /// Someone else set the password: it opens nothing but the way to another.
    #[error(
        "管理者などが決めたパスワードのままです。自分のパスワードを決めると、ほかの操作ができるようになります。"
    )]
    PasswordChangeRequired,
    /// It does not exist, or the caller may not know that it does.
    #[error("見つかりません。")]
    NotFound,
    /// It breaks a rule or lost a race.
    #[error("{message}")]
    Conflict {
        /// Stable word for programs.
        code: &'static str,
        /// The rule, in the user's words.
        message: String,
    },
    /// Fields are wrong; each is named.
    #[error("入力内容に誤りがあります。")]
    Invalid(Vec<FieldError>),
    /// The body can't be parsed at all.
    #[error("{0}")]
    Malformed(String),
    /// The resource has changed since it was read (`If-Match`).
    #[error("ほかの人が先に変更しました。最新の内容を確認してください。")]
    Stale,
    /// `If-Match` is needed.
    #[error("変更には If-Match が必要です。")]
    PreconditionRequired,
    /// Too often; seconds to wait.
    #[error("しばらく待ってから、もう一度お試しください。")]
    TooMany {
        /// Seconds.
        retry_after: u64,
    },
    /// The same request is being worked on, or was just done.
    #[error("同じ要求を処理しています。")]
    TwinRequest,
    /// The database is out of reach: nothing was done, and it can be tried again.
    #[error("ただいま利用できません。しばらく待ってから、もう一度お試しください。")]
    Unavailable(String),
    /// Too much is being worked on: nothing was done, and it can be tried again.
    #[error("ただいま混み合っています。少し待ってから、もう一度お試しください。")]
    Crowded,
    /// A defect, or a broken row; told in the log only.
    #[error("処理中に問題が発生しました。")]
    Internal(String),
}

impl Failure {
    /// One wrong field.
    pub fn field(pointer: &str, code: &str, message: impl Into<String>) -> Self {
        Self::Invalid(vec![FieldError::new(pointer, code, message)])
    }

    /// A rule that forbids it.
    pub fn conflict(code: &'static str, message: impl Into<String>) -> Self {
        Self::Conflict { code, message: message.into() }
    }

    /// Ok when no field is wrong.
    pub fn unless_empty(errors: Vec<FieldError>) -> Result<(), Self> {
        if errors.is_empty() { Ok(()) } else { Err(Self::Invalid(errors)) }
    }
}

impl From<DbError> for Failure {
    fn from(error: DbError) -> Self {
        match error {
            DbError::NotFound => Self::NotFound,
            DbError::NotUnique(what)
                if what.contains("idempotency_keys") || what.contains("ledger_chains") =>
            {
                Self::TwinRequest
            }
            DbError::NotUnique(what) => {
                tracing::debug!(what, "not unique");
                Self::conflict("not_unique", "同じものがすでに登録されています。")
            }
            DbError::Unavailable(why) => Self::Unavailable(why),
            DbError::BrokenRow(_)
            | DbError::Damaged(_)
            | DbError::Setup(_)
            | DbError::Query(_)
            | DbError::Ledger(_) => Self::Internal(error.to_string()),
        }
    }
}

impl From<LedgerError> for Failure {
    fn from(error: LedgerError) -> Self {
        Self::Internal(error.to_string())
    }
}
