//! The one writer of the embedded database. It is given out in the order of asking, and acts that wait for it share a
//! commit: each runs in a savepoint of its own and is answered only after the commit that makes it last (group
//! commit; `docs/decisions/0017-group-commit.md`).

use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::Thread;
use std::time::{Duration, Instant};

use super::pool::{Manager, begin_savepoint, begin_write, commit, depth, rollback};
use super::{Conn, DbError};

/// The most acts that one commit may hold, and how old its transaction may be to take in another: what has been done
/// first must not wait long for its answer.
const MOST: usize = 32;
const OLDEST: Duration = Duration::from_millis(20);

/// How long one waits for one's turn.
const PATIENCE: Duration = Duration::from_secs(10);

/// Whether a write may stand in one commit with others.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Company {
    /// A short act: it may wait for others, and they for it.
    Shared,
    /// A job that may take long: nobody's answer waits for it.
    Alone,
}

/// The writing connection and those who wait for it.
pub(super) struct Writer {
    manager: Manager,
    line: Mutex<Line>,
}

struct Line {
    place: Place,
    waiting: VecDeque<Waiter>,
    next_ticket: u64,
}

enum Place {
    /// Nobody writes. The connection; None: it is to be opened.
    Free(Option<Conn>),
    Taken,
    /// Left by one act for the next, which is first in the line and shares.
    Open(Group),
}

struct Waiter {
    ticket: u64,
    thread: Thread,
    company: Company,
}

/// A transaction that has begun, with the acts in it.
struct Group {
    conn: Conn,
    begun: Instant,
    acts: usize,
    outcome: Arc<Outcome>,
}

/// What became of a group's commit; its acts wait for it.
#[derive(Default)]
struct Outcome {
    told: Mutex<Option<Result<(), String>>>,
    changed: Condvar,
}

impl Outcome {
    fn tell(&self, outcome: Result<(), String>) {
        *self.told.lock().unwrap_or_else(PoisonError::into_inner) = Some(outcome);
        self.changed.notify_all();
    }

    fn wait(&self) -> Result<(), DbError> {
        let told = self.told.lock().unwrap_or_else(PoisonError::into_inner);
        let told = self.changed.wait_while(told, |told| told.is_none());
        let told = told.unwrap_or_else(PoisonError::into_inner);
        match &*told {
            Some(Err(reason)) => Err(DbError::Unavailable(reason.clone())),
            Some(Ok(())) | None => Ok(()),
        }
    }
}

/// The writer while one act or job has it.
struct Turn<'a> {
    writer: &'a Writer,
    /// None: it was given up.
    group: Option<Group>,
}

impl Turn<'_> {
    /// Nothing of the group is kept, and all of it are told.
    fn give_up(&mut self, why: &str) {
        if let Some(Group { conn, outcome, .. }) = self.group.take() {
            tracing::error!(why, "a transaction was given up");
            drop(conn);
            outcome.tell(Err(format!("the transaction was given up: {why}")));
            self.writer.free(None);
        }
    }
}

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        self.give_up("it was left in between");
    }
}

impl Writer {
    pub(super) fn new(manager: Manager) -> Self {
        let line = Line { place: Place::Free(None), waiting: VecDeque::new(), next_ticket: 0 };
        Self { manager, line: Mutex::new(line) }
    }

    /// Runs `work` and answers when what it wrote is kept, or nothing of it.
    pub(super) fn write<T, E: From<DbError>>(
        &self,
        company: Company,
        work: impl FnOnce(&mut Conn) -> Result<T, E>,
    ) -> Result<T, E> {
        let place = self.take(company)?;
        self.begin(place, begin_write)?.act(company, work)
    }

    /// As [`write`](Self::write) and alone; None without waiting, when the writer is taken here or the database by
    /// another process. `begin` begins the transaction or fails at once.
    pub(super) fn write_unless_busy<T, E: From<DbError>>(
        &self,
        begin: impl FnOnce(&mut Conn) -> Result<(), DbError>,
        work: impl FnOnce(&mut Conn) -> Result<T, E>,
    ) -> Result<Option<T>, E> {
        let Some(place) = self.line().take_now() else { return Ok(None) };
        match self.begin(place, begin) {
            Ok(turn) => turn.act(Company::Alone, work).map(Some),
            Err(DbError::Unavailable(_)) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    /// Runs `work` on the connection with no transaction around it.
    pub(super) fn with<T>(&self, work: impl FnOnce(&mut Conn) -> Result<T, DbError>) -> Result<T, DbError> {
        let place = self.take(Company::Alone)?;
        let mut conn = self.opened(place)?;
        let answer = catch_unwind(AssertUnwindSafe(|| work(&mut conn)));
        self.free(matches!(answer, Ok(Ok(_))).then_some(conn));
        answer.unwrap_or_else(|panic| resume_unwind(panic))
    }

    /// The connection of a place that was free; opened, where there is none.
    fn opened(&self, place: Place) -> Result<Conn, DbError> {
        let conn = match place {
            Place::Free(Some(conn)) => Ok(conn),
            _ => self.manager.open().map(Conn::from),
        };
        conn.inspect_err(|_| self.free(None))
    }

    /// How many stand in the line.
    #[cfg(test)]
    pub(super) fn waiting(&self) -> usize {
        self.line().waiting.len()
    }

    fn line(&self) -> MutexGuard<'_, Line> {
        self.line.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits for one's turn.
    fn take(&self, company: Company) -> Result<Place, DbError> {
        let ticket = {
            let mut line = self.line();
            if let Some(place) = line.take_now() {
                return Ok(place);
            }
            line.stand_in(company)
        };
        let until = Instant::now() + PATIENCE;
        loop {
            let left = until.saturating_duration_since(Instant::now());
            std::thread::park_timeout(left);
            let mut line = self.line();
            if let Some(place) = line.take_in_turn(ticket) {
                return Ok(place);
            }
            if left.is_zero() {
                line.waiting.retain(|waiter| waiter.ticket != ticket);
                return Err(DbError::Unavailable("the writer is busy".to_owned()));
            }
        }
    }

    /// A transaction in the place taken: the one begun by those before, or a new one.
    fn begin(
        &self,
        place: Place,
        begin: impl FnOnce(&mut Conn) -> Result<(), DbError>,
    ) -> Result<Turn<'_>, DbError> {
        let group = if let Place::Open(group) = place {
            group
        } else {
            let mut conn = self.opened(place)?;
            if let Err(error) = begin(&mut conn) {
                // Busy, as a rule. One that has begun all the same is of no more use.
                self.free((depth(&mut conn) == Some(0)).then_some(conn));
                return Err(error);
            }
            Group { conn, begun: Instant::now(), acts: 0, outcome: Arc::default() }
        };
        Ok(Turn { writer: self, group: Some(group) })
    }

    /// Gives the writer back.
    fn free(&self, conn: Option<Conn>) {
        self.line().give(Place::Free(conn));
    }
}

impl Line {
    /// The place, where nobody has it and nobody waits.
    fn take_now(&mut self) -> Option<Place> {
        let free = self.waiting.is_empty() && matches!(self.place, Place::Free(_));
        free.then(|| std::mem::replace(&mut self.place, Place::Taken))
    }

    /// Joins the line.
    fn stand_in(&mut self, company: Company) -> u64 {
        let ticket = self.next_ticket;
        self.next_ticket += 1;
        self.waiting.push_back(Waiter { ticket, thread: std::thread::current(), company });
        ticket
    }

    /// The place, when it is this one's turn.
    fn take_in_turn(&mut self, ticket: u64) -> Option<Place> {
        let first = self.waiting.front().is_some_and(|waiter| waiter.ticket == ticket);
        if !first || matches!(self.place, Place::Taken) {
            return None;
        }
        self.waiting.pop_front();
        Some(std::mem::replace(&mut self.place, Place::Taken))
    }

    /// Lays the place down for who is first, and wakes them.
    fn give(&mut self, place: Place) {
        self.place = place;
        if let Some(first) = self.waiting.front() {
            first.thread.unpark();
        }
    }
}

impl Turn<'_> {
    /// Runs the work in a savepoint and answers when it is kept; what the work refuses or panics in is undone and its
    /// neighbours are kept.
    fn act<T, E: From<DbError>>(
        mut self,
        company: Company,
        work: impl FnOnce(&mut Conn) -> Result<T, E>,
    ) -> Result<T, E> {
        let answer = self.run(work)?;
        // What `work` refused may rest on what the others of the group wrote: it waits for the commit as well.
        let kept = self.leave(company).map_or(Ok(()), |outcome| outcome.wait());
        let answer = answer.unwrap_or_else(|panic| resume_unwind(panic));
        kept?;
        answer
    }

    /// The outer error: the savepoint itself is lost.
    fn run<T, E>(
        &mut self,
        work: impl FnOnce(&mut Conn) -> Result<T, E>,
    ) -> Result<std::thread::Result<Result<T, E>>, DbError> {
        let Some(group) = &mut self.group else { return Err(DbError::Unavailable(String::new())) };
        let conn = &mut group.conn;
        begin_savepoint(conn)?;
        let answer = catch_unwind(AssertUnwindSafe(|| work(conn)));
        if let Ok(Ok(_)) = &answer {
            commit(conn)?;
        } else if let Err(error) = rollback(conn) {
            // A full disk or an I/O error has rolled all of it back; what the work said of it is the answer.
            self.give_up(&error.to_string());
        } else if depth(conn) != Some(1) {
            self.give_up("a panic in a transaction inside it");
        }
        Ok(answer)
    }

    /// Leaves the transaction to the next in the line, where that one shares it, or commits it; what it answers
    /// tells what became of it. None: it was given up.
    fn leave(mut self, company: Company) -> Option<Arc<Outcome>> {
        let mut group = self.group.take()?;
        group.acts += 1;
        let outcome = Arc::clone(&group.outcome);
        {
            let mut line = self.writer.line();
            let shares = line.waiting.front().is_some_and(|waiter| waiter.company == Company::Shared);
            let young = group.acts < MOST && group.begun.elapsed() < OLDEST;
            if company == Company::Shared && shares && young {
                line.give(Place::Open(group));
                return Some(outcome);
            }
        }
        let committed = commit(&mut group.conn).map_err(|error| error.to_string());
        if let Err(why) = &committed {
            tracing::error!(why, acts = group.acts, "a commit failed");
        }
        self.writer.free(committed.is_ok().then_some(group.conn));
        outcome.tell(committed);
        Some(outcome)
    }
}
