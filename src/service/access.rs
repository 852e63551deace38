//! 閲覧記録: who opened which contract, and when. Reading is not writing: a look is kept in memory and written in
//! batches, off the request's path. Only what an overseer asks for is written before it is answered.

use std::collections::{HashMap, HashSet};
use std::sync::{Mutex, PoisonError};

use chrono::{DateTime, NaiveDate, NaiveDateTime, Utc};
use serde::{Deserialize, Serialize};

use super::page::keyed;
use super::{App, Call, Failure, Page, Paged};
pub use crate::db::access_log::LookFilter;
use crate::db::access_log::{CLOSED, ClosedDay, LookRow};
use crate::db::{self, ChainKey, Conn, DbError};
use crate::domain::access::{Actor, OrganizationKind};
use crate::domain::contract::Instant;
use crate::domain::id::{ContractId, LookId, OrganizationId, SubjectId, UserId};

/// Seconds within which the same person's looks at the same thing are one row.
pub const ONE_LOOK: i64 = 600;
/// Rows written in one transaction.
const BATCH: usize = 500;
/// Looks kept while the database does not take them; what comes then is lost, and told.
const MOST_WAITING: usize = 20_000;

/// What somebody looked at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Look {
    pub user_id: UserId,
    /// For whom the reader acts.
    pub organization_id: OrganizationId,
    /// The pattern of the address, and the identifier in it.
    pub what: String,
    pub subject: SubjectId,
    pub at: Instant,
}

/// Looks that wait to be written. One for a server.
#[derive(Debug, Default)]
pub struct Looks(Mutex<Waiting>);

#[derive(Debug, Default)]
struct Waiting {
    looks: Vec<Look>,
    /// Which have been taken in the ten minutes that `slot` counts.
    seen: HashSet<(UserId, SubjectId, String)>,
    slot: i64,
    lost: usize,
}

impl Waiting {
    /// Whether it is the first look of these ten minutes.
    fn is_first(&mut self, look: &Look) -> bool {
        let slot = look.at.timestamp().div_euclid(ONE_LOOK);
        if slot != self.slot {
            self.slot = slot;
            self.seen.clear();
        }
        self.seen.insert((look.user_id, look.subject, look.what.clone()))
    }
}

impl Looks {
    fn with<T>(&self, work: impl FnOnce(&mut Waiting) -> T) -> T {
        work(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Takes a look in; it is written with the next batch.
    pub fn take(&self, look: Look) {
        self.with(|waiting| {
            if !waiting.is_first(&look) {
                return;
            }
            if waiting.looks.len() < MOST_WAITING {
                waiting.looks.push(look);
            } else {
                waiting.lost += 1;
            }
        });
    }

    /// Writes a look before it is answered: where that fails, so does the reading.
    pub fn write_now(&self, app: &App, look: &Look) -> Result<(), Failure> {
        if !self.with(|waiting| waiting.is_first(look)) {
            return Ok(());
        }
        write(app, std::slice::from_ref(look)).inspect_err(|_| {
            self.with(|waiting| waiting.seen.remove(&(look.user_id, look.subject, look.what.clone())));
        })
    }

    /// Writes what waits; what can't be written waits on.
    pub fn flush(&self, app: &App) -> Result<(), Failure> {
        loop {
            let batch = self.with(|waiting| {
                let size = waiting.looks.len().min(BATCH);
                waiting.looks.drain(..size).collect::<Vec<_>>()
            });
            if batch.is_empty() {
                break;
            }
            if let Err(failure) = write(app, &batch) {
                self.with(|waiting| waiting.looks.splice(0..0, batch).for_each(drop));
                return Err(failure);
            }
        }
        let lost = self.with(|waiting| std::mem::take(&mut waiting.lost));
        if lost > 0 {
            tracing::error!(event = "access_log_lost", lost, "looks at contracts were not recorded");
        }
        Ok(())
    }
}

/// Writes looks at what belongs to a contract; others leave no row.
fn write(app: &App, looks: &[Look]) -> Result<(), Failure> {
    let today = app.today();
    let rows = app.db.read_one::<_, DbError>(|conn| {
        let mut rows = Vec::with_capacity(looks.len());
        for look in looks {
            let Some((contract_id, agency_id)) =
                db::access_log::contract_of(conn, family(&look.what), look.subject)?
            else {
                continue;
            };
            rows.push(LookRow {
                id: app.sources.new_id(),
                agency_id,
                contract_id,
                user_id: look.user_id,
                organization_id: look.organization_id,
                what: look.what.clone(),
                at: to_micros(look.at),
                day: today,
            });
        }
        Ok(rows)
    })?;
    if rows.is_empty() {
        return Ok(());
    }
    Ok(app.db.write::<_, DbError>(|conn| db::access_log::insert(conn, &rows))?)
}

/// As both databases keep it.
fn to_micros(at: Instant) -> NaiveDateTime {
    Instant::from_timestamp_micros(at.timestamp_micros()).unwrap_or(at).naive_utc()
}

/// The first word of an address's pattern.
fn family(what: &str) -> &str {
    what.strip_prefix("/api/v1").unwrap_or(what).split('/').nth(1).unwrap_or_default()
}

/// Whether what the person reads is written before it is answered.
pub fn is_written_first(actor: &Actor) -> bool {
    actor.organization.kind == OrganizationKind::System
}

/// The job's name under which the last day closed of an agency is kept.
fn job(agency: OrganizationId) -> String {
    format!("access_log {agency}")
}

/// Closes every day before today of every agency: number and digest of its rows become an entry of the agency's chain.
/// Again, it changes nothing. Answers how many days were closed.
pub fn close_days(app: &App) -> Result<usize, Failure> {
    let today = app.today();
    let agencies = app.db.read_one(db::organization::agencies)?;
    let mut closed = 0;
    for agency in agencies {
        let days = app.db.read_one(|conn| open_days(conn, agency, today))?;
        for day in days {
            closed += usize::from(app.db.write_tx::<_, Failure>(
                &app.sources,
                None,
                ChainKey::Existing(agency.cast()),
                |tx| {
                    // Another server may have been first.
                    if !open_days(tx.conn, agency, today)?.contains(&day) {
                        return Ok(false);
                    }
                    let whole: ClosedDay = db::access_log::digest(tx.conn, agency, day)?;
                    tx.record(CLOSED, agency, &whole)?;
                    db::lease::set_last_day(tx.conn, &job(agency), day)?;
                    Ok(true)
                },
            )?);
        }
    }
    Ok(closed)
}

fn open_days(conn: &mut Conn, agency: OrganizationId, today: NaiveDate) -> Result<Vec<NaiveDate>, DbError> {
    let last = db::lease::last_day(conn, &job(agency))?;
    db::access_log::days(conn, agency, last, today)
}

/// Who looked.
#[derive(Debug, Clone, Serialize, Deserialize, utoipa::ToSchema)]
pub struct LookReader {
    pub id: UserId,
    pub name: String,
    pub organization_id: OrganizationId,
    pub organization: String,
}

/// One look at a contract of the agency.
#[derive(Debug, Clone, Serialize, Deserialize, utoipa::ToSchema)]
pub struct LookView {
    pub id: LookId,
    pub at: DateTime<Utc>,
    pub reader: LookReader,
    pub contract_id: ContractId,
    pub contract_number: String,
    pub contract_title: String,
    /// The pattern of the address: `/api/v1/…` by a program, else a page.
    pub what: String,
}

/// The own agency's looks, the latest first.
pub fn list(app: &App, call: &Call, filter: &LookFilter, page: &Page) -> Result<Paged<LookView>, Failure> {
    let before = page.after_keyed::<i64, _>()?;
    let before = before.and_then(|(at, id)| Some((Instant::from_timestamp_micros(at)?.naive_utc(), id)));
    let agency = call.actor.organization.id;
    app.db.read(|conn| {
        let rows = db::access_log::list(conn, agency, filter, before, page.rows())?;
        let ids: Vec<UserId> = rows.iter().map(|row| row.user_id).collect();
        let people = db::user::names(conn, &ids)?;
        let ids: Vec<OrganizationId> = rows.iter().map(|row| row.organization_id).collect();
        let organizations = db::organization::names(conn, &ids)?;
        let ids: Vec<ContractId> = rows.iter().map(|row| row.contract_id).collect();
        let contracts: HashMap<ContractId, (String, String)> = db::contract::labels(conn, &ids)?;
        let show = |row: LookRow| {
            let (number, title) = contracts.get(&row.contract_id).cloned().unwrap_or_default();
            LookView {
                id: row.id,
                at: row.at.and_utc(),
                reader: LookReader {
                    id: row.user_id,
                    name: people.get(&row.user_id).cloned().unwrap_or_default(),
                    organization_id: row.organization_id,
                    organization: organizations.get(&row.organization_id).cloned().unwrap_or_default(),
                },
                contract_id: row.contract_id,
                contract_number: number,
                contract_title: title,
                what: row.what,
            }
        };
        let key = |row: &LookRow| keyed(row.at.and_utc().timestamp_micros(), row.id);
        Ok(Paged::cut(page, rows, key, show))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_look_is_one_for_ten_minutes_and_what_waits_has_an_end() {
        let looks = Looks::default();
        let id = |n: u32| format!("01890000-0000-7000-8000-{n:012}");
        let look = |n: u32, minute: i64| Look {
            user_id: id(1).parse().unwrap(),
            organization_id: id(2).parse().unwrap(),
            what: "/contracts/{id}".to_owned(),
            subject: id(n).parse().unwrap(),
            at: Instant::from_timestamp(minute * 60, 0).unwrap(),
        };
        for minute in [0, 3, 9, 10, 11] {
            looks.take(look(3, minute));
        }
        looks.take(look(4, 11));
        assert_eq!(looks.with(|waiting| waiting.looks.len()), 3);
        for n in 5..20_010 {
            looks.take(look(n, 12));
        }
        assert_eq!(looks.with(|waiting| (waiting.looks.len(), waiting.lost)), (MOST_WAITING, 8));
    }

    #[test]
    fn the_family_of_an_address_is_its_first_word() {
        assert_eq!(family("/api/v1/contracts/{id}/chain"), "contracts");
        assert_eq!(family("/applications/{id}"), "applications");
        assert_eq!(family(""), "");
    }
}
