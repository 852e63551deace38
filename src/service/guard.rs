//! What a session must bring before it acts at all, the same for the API and for the pages. What a single act asks for
//! beyond it (a permission, a fresh login) is asked where the act is known.

use super::{App, Failure, factor};
use crate::domain::access::Actor;

/// What a route asks of the person behind a session; a route by which something is made good asks less.
#[derive(Debug, Clone, Copy)]
pub struct Asks {
    /// A password that nobody else has set.
    pub own_password: bool,
    /// The second factor, where one is required.
    pub factor: bool,
}

/// Refuses whoever has not made good yet what the route asks for.
pub fn require(app: &App, actor: &Actor, asks: Asks) -> Result<(), Failure> {
    if asks.own_password && actor.must_change_password {
        tracing::warn!(event = "password_change_required", user = %actor.user_id, "refused");
        return Err(Failure::PasswordChangeRequired);
    }
    if asks.factor { factor::require(app, actor) } else { Ok(()) }
}
