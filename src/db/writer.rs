//! The one writer of the embedded database. It is given out in the order of asking, and acts that wait for it share a
//! commit: each runs in a savepoint of its own and is answered only after the commit that makes it last (group
//! commit; `docs/decisions/0017-group-commit.md`).

use std::collections::VecDeque;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::Thread;
use std::time::{Duration, Instant};

use super::pool::{Manager, begin_savepoint, begin_write, commit, rollback};
use super::{Conn, DbError};

/// The most acts that one commit may hold: what has been done first must not wait long for its answer.
const MOST: usize = 32;

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

/// The writer while one act or job has it. Dropped without [`leave`](Self::leave), which only a panic or a broken
/// connection does, nothing of its group is kept, and all of the group are told.
struct Turn<'a> {
    writer: &'a Writer,
    group: Option<Group>,
}

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        if let Some(Group { conn, outcome, .. }) = self.group.take() {
            drop(conn);
            outcome.tell(Err("the transaction was given up".to_owned()));
            self.writer.free(None);
        }
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
        let mut turn = self.begin(place, begin_write)?;
        let answer = turn.run(work)?;
        // What `work` refused may rest on what the others of the group wrote: it waits for the commit as well.
        turn.leave(company).wait()?;
        answer
    }

    /// As [`write`](Self::write) and alone; None without waiting, when the writer is taken here or the database by
    /// another process. `begin` begins the transaction or fails at once.
    pub(super) fn write_unless_busy<T, E: From<DbError>>(
        &self,
        begin: impl FnOnce(&mut Conn) -> Result<(), DbError>,
        work: impl FnOnce(&mut Conn) -> Result<T, E>,
    ) -> Result<Option<T>, E> {
        let Some(place) = self.line().take_now() else { return Ok(None) };
        let mut turn = match self.begin(place, begin) {
            Ok(turn) => turn,
            Err(DbError::Unavailable(_)) => return Ok(None),
            Err(error) => return Err(error.into()),
        };
        let answer = turn.run(work)?;
        turn.leave(Company::Alone).wait()?;
        answer.map(Some)
    }

    /// Runs `work` on the connection with no transaction around it.
    pub(super) fn with<T>(&self, work: impl FnOnce(&mut Conn) -> Result<T, DbError>) -> Result<T, DbError> {
        let Place::Free(conn) = self.take(Company::Alone)? else { return Err(out_of_turn()) };
        let mut conn = conn.map_or_else(|| self.manager.open(), Ok).inspect_err(|_| self.free(None))?;
        let answer = work(&mut conn);
        self.free(answer.is_ok().then_some(conn));
        answer
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
        let group = match place {
            Place::Open(group) => group,
            Place::Taken => return Err(out_of_turn()),
            Place::Free(conn) => {
                let mut conn =
                    conn.map_or_else(|| self.manager.open(), Ok).inspect_err(|_| self.free(None))?;
                if let Err(error) = begin(&mut conn) {
                    self.free(Some(conn));
                    return Err(error);
                }
                Group { conn, acts: 0, outcome: Arc::default() }
            }
        };
        Ok(Turn { writer: self, group: Some(group) })
    }

    /// Gives the writer back.
    fn free(&self, conn: Option<Conn>) {
        self.line().give(Place::Free(conn));
    }
}

/// A defect of this file: who is told to wait has not been given the place.
fn out_of_turn() -> DbError {
    DbError::Unavailable("the writer is out of turn".to_owned())
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
    /// Runs the work in a savepoint: what it wrote stays in the transaction when it answers Ok, and is undone
    /// otherwise. The outer error: the transaction itself is lost.
    fn run<T, E>(&mut self, work: impl FnOnce(&mut Conn) -> Result<T, E>) -> Result<Result<T, E>, DbError> {
        let Some(group) = &mut self.group else { return Err(out_of_turn()) };
        begin_savepoint(&mut group.conn)?;
        let answer = work(&mut group.conn);
        match &answer {
            Ok(_) => commit(&mut group.conn)?,
            Err(_) => rollback(&mut group.conn)?,
        }
        Ok(answer)
    }

    /// Leaves the transaction to the next in the line, where that one shares it, or commits it; what it answers
    /// tells what became of it.
    fn leave(mut self, company: Company) -> Arc<Outcome> {
        let Some(mut group) = self.group.take() else { return Arc::default() };
        group.acts += 1;
        let outcome = Arc::clone(&group.outcome);
        {
            let mut line = self.writer.line();
            let shares = line.waiting.front().is_some_and(|waiter| waiter.company == Company::Shared);
            if company == Company::Shared && shares && group.acts < MOST {
                line.give(Place::Open(group));
                return outcome;
            }
        }
        let committed = commit(&mut group.conn).map_err(|error| error.to_string());
        self.writer.free(committed.is_ok().then_some(group.conn));
        outcome.tell(committed);
        outcome
    }
}
