//! The use cases: a capability a file (or folder). Each is check → decide (domain) → write, in one transaction:
//! facts + ledger entry + re-evaluated alerts + outbox rows, through [`App::act`] and nothing else.

pub mod access;
pub mod account;
pub mod alert;
pub mod application;
pub mod audit;
pub mod backup;
pub mod calendar;
pub mod case;
pub mod chain;
pub mod consent;
pub mod contract;
pub mod declaration;
pub mod demo;
pub mod export;
pub mod factor;
pub mod failure;
pub mod fresh;
pub mod guard;
pub mod guessing;
pub mod hashing;
pub mod idempotency;
pub mod ledger;
pub mod notice;
pub mod observation;
pub mod organization;
pub mod overview;
pub mod page;
pub mod reach;
pub mod register;
pub mod session;
pub mod setting;
pub mod status;
pub mod task;
pub mod telling;
mod token_signature;
pub mod user;
pub mod vendor;
pub mod verify;
pub mod version;

use std::sync::Arc;

use serde::{Serialize, de::DeserializeOwned};

use crate::clock::Sources;
use crate::config::Config;
use crate::db::{Author, Backend, ChainKey, Db, DbError, Tx};
use crate::domain::access::{Actor, Scope};
use crate::domain::contract::Instant;
use crate::domain::id::{ContractId, OrganizationId};
use crate::ledger::receipt::SigningKey;

pub use failure::Failure;
pub use page::{Page, Paged};
pub use version::IfMatch;

/// What every use case works with. Cheap to clone.
#[derive(Clone)]
pub struct App {
    pub db: Db,
    pub sources: Sources,
    pub config: Arc<Config>,
    /// Signs the receipts.
    pub signing_key: Arc<SigningKey>,
    /// Only under `itaku demo`: the business clock that can be moved.
    pub demo: Option<Arc<demo::Demonstration>>,
    /// Whether accounts begin by invitation only, and what needs a second administrator, a second factor or a fresh login
    /// does. Off only in a demonstration that was not asked to be strict.
    pub strict: bool,
}

/// One request of one person: who asks, and whether it is to act only once.
#[derive(Debug, Clone)]
pub struct Call {
    pub actor: Actor,
    pub idempotency: Option<idempotency::Key>,
}

impl Call {
    /// A call without an `Idempotency-Key`.
    pub fn of(actor: Actor) -> Self {
        Self { actor, idempotency: None }
    }

    /// What the person can know of.
    pub fn scope(&self) -> Scope {
        self.actor.scope()
    }

    /// In whose name the ledger is written.
    pub fn author(&self) -> Author {
        Author { user_id: self.actor.user_id, organization_id: self.actor.organization.id }
    }
}

impl App {
    /// Business time.
    pub fn now(&self) -> Instant {
        self.sources.clock.now()
    }

    /// The business day.
    pub fn today(&self) -> chrono::NaiveDate {
        self.sources.clock.today()
    }

    /// Whether the database is inside this process: a query is a call, not a journey.
    pub fn is_embedded(&self) -> bool {
        self.db.backend() == Backend::Sqlite
    }

    /// Whether a brief read waits for nothing: the database is inside this process, and a reader of it is free.
    pub fn reads_at_once(&self) -> bool {
        self.is_embedded() && self.db.has_free_reader()
    }

    /// Does an act as it would be done now, and keeps nothing of it, nor says anything in the log: what it would be refused
    /// for is the answer. An act of several transactions is rehearsed one by one: each sees what stands, not what the ones
    /// before it would have written.
    pub fn rehearse<T>(&self, act: impl FnOnce(&Self) -> Result<T, Failure>) -> Result<T, Failure> {
        let app = Self { db: self.db.rehearsing(), ..self.clone() };
        tracing::subscriber::with_default(tracing::subscriber::NoSubscriber::default(), || act(&app))
    }

    /// Acts on a chain in one transaction, once per `Idempotency-Key`: the same key and body give the answer kept
    /// from the first time, and `work` does not run again.
    pub fn act<T: Serialize + DeserializeOwned>(
        &self,
        call: &Call,
        chain: ChainKey,
        work: impl Fn(&mut Tx<'_>) -> Result<T, Failure>,
    ) -> Result<T, Failure> {
        let once = || {
            self.db.write_tx(&self.sources, Some(call.author()), chain, |tx| {
                let Some(key) = &call.idempotency else { return work(tx) };
                if let Some(kept) = idempotency::claim(tx, &call.actor, key)? {
                    return Ok(kept);
                }
                let answer = work(tx)?;
                idempotency::keep(tx, &call.actor, key, &answer)?;
                Ok(answer)
            })
        };
        match once() {
            // The twin was first: it has committed by now, and its answer is there.
            Err(Failure::TwinRequest) => once(),
            answer => answer,
        }
    }

    /// Acts on a contract; its alerts are evaluated anew before the transaction ends.
    pub fn act_on_contract<T: Serialize + DeserializeOwned>(
        &self,
        call: &Call,
        id: ContractId,
        work: impl Fn(&mut Tx<'_>) -> Result<T, Failure>,
    ) -> Result<T, Failure> {
        self.act(call, ChainKey::Existing(id.cast()), |tx| {
            let answer = work(tx)?;
            alert::reevaluate(tx, id)?;
            Ok(answer)
        })
    }

    /// Acts on an organization's own chain, which begins with its first entry: a vendor named on a contract is
    /// registered on that contract's chain and has none of its own until then. The caller has settled that the
    /// organization exists.
    pub fn act_on_organization<T: Serialize + DeserializeOwned>(
        &self,
        call: &Call,
        id: OrganizationId,
        work: impl Fn(&mut Tx<'_>) -> Result<T, Failure>,
    ) -> Result<T, Failure> {
        let existing = ChainKey::Existing(id.cast());
        let begun = || self.db.read_one::<_, DbError>(|conn| crate::db::organization::has_chain(conn, id));
        if begun()? {
            return self.act(call, existing, work);
        }
        match self.act(call, ChainKey::New { id: id.cast(), organization_id: id }, &work) {
            // Another request has begun it meanwhile.
            Err(Failure::TwinRequest) if begun()? => self.act(call, existing, work),
            answer => answer,
        }
    }
}
