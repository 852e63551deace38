//! What a request leaves behind: who asked and about what. The log's line has it, an identifier that leads nowhere for
//! a signed-in person is a security event, and what is read of a contract goes to its agency's 閲覧記録.

use std::sync::{Arc, OnceLock};

use actix_web::http::{Method, StatusCode};
use actix_web::web::{self, Data};
use actix_web::{HttpMessage as _, HttpRequest};

use super::server::House;
use crate::domain::access::Actor;
use crate::domain::id::{OrganizationId, SubjectId, UserId};
use crate::service::Failure;
use crate::service::access::{Look, is_written_first};

/// Parameters of a query that name what is read, beside the identifiers of the path.
const NAMING: [&str; 1] = ["subject"];

/// One request's.
pub struct Trace {
    house: Option<Data<House>>,
    /// The pattern of the address.
    what: String,
    subjects: Vec<SubjectId>,
    reads: bool,
    actor: OnceLock<Known>,
}

#[derive(Debug, Clone, Copy)]
struct Known {
    user_id: UserId,
    organization_id: OrganizationId,
    /// What is read was written before the answer.
    written_first: bool,
}

/// Begins a request's trace; it is found again by [`of`].
pub fn begin(request: &HttpRequest, what: String) -> Arc<Trace> {
    let named = request.match_info().iter().filter_map(|(_, text)| text.parse().ok());
    let query = url::form_urlencoded::parse(request.query_string().as_bytes());
    let asked =
        query.filter(|(name, _)| NAMING.contains(&name.as_ref())).filter_map(|(_, text)| text.parse().ok());
    let trace = Arc::new(Trace {
        house: request.app_data::<Data<House>>().cloned(),
        what,
        subjects: named.chain(asked).collect(),
        reads: matches!(*request.method(), Method::GET | Method::HEAD),
        actor: OnceLock::new(),
    });
    request.extensions_mut().insert(Arc::clone(&trace));
    trace
}

/// The trace of a request that a declared route answered.
pub fn of(request: &HttpRequest) -> Option<Arc<Trace>> {
    request.extensions().get::<Arc<Trace>>().cloned()
}

impl Trace {
    /// The guard knows who asks.
    pub fn knows(&self, actor: &Actor) {
        let known = Known {
            user_id: actor.user_id,
            organization_id: actor.organization.id,
            written_first: is_written_first(actor),
        };
        // Set once: a request has one actor.
        let _ = self.actor.set(known);
    }

    /// What an overseer has read is written before it is answered; where that fails, nothing is.
    pub async fn settled(self: &Arc<Self>) -> Result<(), Failure> {
        let Some(known) = self.actor.get().copied().filter(|known| known.written_first && self.reads) else {
            return Ok(());
        };
        let trace = Arc::clone(self);
        let written = web::block(move || {
            let lost = || Failure::Internal("a request without its house".to_owned());
            let house = trace.house.as_ref().ok_or_else(lost)?;
            trace.looks(house, known).try_for_each(|look| house.looks.write_now(&house.app, &look))
        });
        written.await.unwrap_or_else(|error| Err(Failure::Internal(error.to_string())))
    }

    fn looks<'a>(&'a self, house: &House, known: Known) -> impl Iterator<Item = Look> + use<'a> {
        let at = house.app.now();
        self.subjects.iter().map(move |subject| Look {
            user_id: known.user_id,
            organization_id: known.organization_id,
            what: self.what.clone(),
            subject: *subject,
            at,
        })
    }

    /// The request has been answered.
    pub fn end(&self, status: StatusCode) {
        let (Some(known), Some(house)) = (self.actor.get(), &self.house) else { return };
        if status == StatusCode::NOT_FOUND && !self.subjects.is_empty() {
            // There is none, or it is another's: which of the two the person must not learn, and a guess is both.
            let (user, subject, route) = (known.user_id, self.named(), self.what.as_str());
            tracing::warn!(event = "foreign_id", %user, subject, route, "not found");
        }
        if self.reads && status.is_success() && !known.written_first {
            self.looks(house, *known).for_each(|look| house.looks.take(look));
        }
    }

    /// Who asked, for the log; empty: a stranger.
    pub fn user(&self) -> String {
        self.actor.get().map(|known| known.user_id.to_string()).unwrap_or_default()
    }

    /// About what, for the log.
    pub fn named(&self) -> String {
        let named: Vec<&str> = self.subjects.iter().map(crate::domain::id::Id::as_str).collect();
        named.join(" ")
    }
}
