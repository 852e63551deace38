//! Login, one's own account, password and sessions.

use crate::domain::access::Permission;
use crate::service::account::{self, PasswordChange, ResetRequest, TokenPassword, TokenPurpose};
use crate::service::factor::{self, Confirmation};
use crate::service::fresh::{self, Reauthentication, Shown};
use crate::service::session::{self, Credentials, DONE, Refresh};
use crate::web::route::{Plain, Route, act, get};

/// The routes of sessions and of one's own account.
pub fn routes() -> Vec<Route> {
    vec![
        act("/auth/token", "ログイン").open(|app, request, input: Credentials| {
            session::log_in(app, &input, &request.origin).map(Plain)
        }),
        act("/auth/refresh", "トークンの更新")
            .open(|app, request, input: Refresh| session::refresh(app, &input, &request.origin).map(Plain)),
        act("/auth/reauthenticate", "本人の再確認（直前のログインを求める操作の前に）")
            .without_factor()
            .needs(Permission::OwnAccount)
            .takes(|app, call, _, input: Reauthentication| {
                fresh::renew(app, call, &input.password, Shown::Code(input.totp.as_deref())).map(Plain)
            }),
        act("/auth/logout", "ログアウト")
            .without_factor()
            .needs(Permission::OwnAccount)
            .run(|app, call, _| session::log_out(app, call).map(Plain)),
        act("/auth/password-reset", "パスワード再設定の申込み").open(|app, request, input: ResetRequest| {
            account::request_reset(app, &input, &request.origin).map(Plain)
        }),
        act("/auth/password-reset/confirm", "パスワードの再設定").open(
            |app, request, input: TokenPassword| {
                account::redeem(app, TokenPurpose::PasswordReset, &input, &request.origin)
                    .map(|_| Plain(DONE))
            },
        ),
        act("/auth/invitation/accept", "招待を受ける").open(|app, request, input: TokenPassword| {
            account::redeem(app, TokenPurpose::Invitation, &input, &request.origin).map(|_| Plain(DONE))
        }),
        get("/me", "自分のアカウント")
            .without_factor()
            .needs(Permission::OwnAccount)
            .run(|_, call, _| Ok(Plain(account::me(call)))),
        act("/me/password", "パスワードの変更").without_factor().needs(Permission::OwnAccount).takes(
            |app, call, _, input: PasswordChange| account::change_password(app, call, &input).map(Plain),
        ),
        get("/me/sessions", "自分のログイン")
            .paged()
            .needs(Permission::OwnAccount)
            .run(|app, call, request| session::mine(app, call, &request.page()?).map(Plain)),
        act("/me/sessions/{id}/end", "自分のログインを終える")
            .fresh()
            .needs(Permission::OwnAccount)
            .run(|app, call, request| session::end(app, call, request.id("id")?).map(Plain)),
        get("/me/factors", "自分の二要素認証")
            .without_factor()
            .needs(Permission::OwnAccount)
            .run(|app, call, _| factor::mine(app, call).map(Plain)),
        act("/me/totp", "認証アプリの登録を始める（確認するまで有効になりません）")
            .fresh()
            .without_factor()
            .needs(Permission::OwnAccount)
            .run(|app, call, _| factor::begin_totp(app, call).map(Plain)),
        act("/me/totp/confirm", "認証アプリの登録をコードで確認する")
            .fresh()
            .without_factor()
            .needs(Permission::OwnAccount)
            .takes(|app, call, _, input: Confirmation| factor::confirm_totp(app, call, &input).map(Plain)),
        act("/me/totp/remove", "認証アプリを外す")
            .fresh()
            .needs(Permission::OwnAccount)
            .run(|app, call, _| factor::remove_totp(app, call).map(Plain)),
        act("/me/recovery-codes", "回復コードを新しくする（前のものは使えなくなります）")
            .fresh()
            .needs(Permission::OwnAccount)
            .run(|app, call, _| factor::renew(app, call).map(Plain)),
        act("/me/passkeys/{id}/remove", "パスキーを外す")
            .fresh()
            .needs(Permission::OwnAccount)
            .run(|app, call, request| factor::remove_passkey(app, call, request.id("id")?).map(Plain)),
    ]
}
