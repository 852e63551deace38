//! What the one writer promises: neighbours share a commit, and each stands for itself.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::channel;
use std::time::Duration;

use diesel::connection::SimpleConnection as _;
use diesel::prelude::*;
use diesel::sql_types::BigInt;

use super::{Conn, Db, DbError};

#[derive(QueryableByName)]
struct Count {
    #[diesel(sql_type = BigInt)]
    n: i64,
}

/// A database with a table of names.
struct Names {
    _folder: tempfile::TempDir,
    db: Db,
}

impl Names {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let db = Db::open(&format!("sqlite:{}", folder.path().join("names.db").display()), 2).unwrap();
        db.write::<_, DbError>(|conn| Ok(conn.batch_execute("CREATE TABLE names (name TEXT UNIQUE)")?))
            .unwrap();
        Self { _folder: folder, db }
    }

    /// What a reader sees.
    fn seen(&self) -> i64 {
        self.db.read_one::<_, DbError>(|conn| Ok(count(conn))).unwrap()
    }
}

fn count(conn: &mut Conn) -> i64 {
    diesel::sql_query("SELECT count(*) AS n FROM names").get_result::<Count>(conn).unwrap().n
}

fn add(conn: &mut Conn, name: &str) -> Result<(), DbError> {
    Ok(conn.batch_execute(&format!("INSERT INTO names VALUES ('{name}')"))?)
}

/// Waits until so many stand in the line.
fn until_waiting(db: &Db, n: usize) {
    while db.waiting() < n {
        std::thread::yield_now();
    }
}

#[test]
fn acts_that_wait_share_a_commit_and_are_answered_after_it() {
    // A group that has grown old meanwhile, on a machine that has other things to do, commits without the second.
    assert!((0..20).any(|_| two_share_a_commit()));
}

/// Whether the first act left its transaction to the second.
fn two_share_a_commit() -> bool {
    let names = Names::new();
    let db = &names.db;
    let (began, has_begun) = channel();
    let (go, may_go) = channel::<()>();
    let (let_second, second_may) = channel::<()>();
    let answered = AtomicUsize::new(0);
    let shared = std::thread::scope(|scope| {
        scope.spawn(|| {
            db.write::<_, DbError>(move |conn| {
                add(conn, "first")?;
                began.send(()).unwrap();
                may_go.recv().unwrap();
                Ok(())
            })
            .unwrap();
            answered.fetch_add(1, Ordering::SeqCst);
        });
        has_begun.recv().unwrap();
        let second = scope.spawn(|| {
            db.write::<_, DbError>(move |conn| {
                second_may.recv().unwrap();
                add(conn, "second")?;
                Ok(count(conn))
            })
        });
        until_waiting(db, 1);
        go.send(()).unwrap();
        // The first has left its transaction to the second: it is not on the disk, nor answered.
        while db.waiting() > 0 {
            std::thread::yield_now();
        }
        std::thread::sleep(Duration::from_millis(50));
        let answers = answered.load(Ordering::SeqCst);
        let seen = names.seen();
        let_second.send(()).unwrap();
        assert_eq!(second.join().unwrap().unwrap(), 2, "the second sees what the first wrote");
        assert!(answers == 0 || seen == 1, "an answer before the commit");
        (seen, answers) == (0, 0)
    });
    assert_eq!((names.seen(), answered.load(Ordering::SeqCst)), (2, 1));
    shared
}

/// One act holds the writer until two others wait; what each of them does comes from `second` and `third`.
fn three(
    names: &Names,
    second: impl FnOnce(&mut Conn) -> Result<(), DbError> + Send,
    third: impl FnOnce(&mut Conn) -> Result<(), DbError> + Send,
) -> Vec<std::thread::Result<Result<(), DbError>>> {
    let db = &names.db;
    let (began, has_begun) = channel();
    let (go, may_go) = channel::<()>();
    std::thread::scope(|scope| {
        let first = scope.spawn(move || {
            db.write::<_, DbError>(move |conn| {
                began.send(()).unwrap();
                may_go.recv().unwrap();
                add(conn, "first")
            })
        });
        has_begun.recv().unwrap();
        let second = scope.spawn(move || db.write::<_, DbError>(second));
        until_waiting(db, 1);
        let third = scope.spawn(move || db.write::<_, DbError>(third));
        until_waiting(db, 2);
        go.send(()).unwrap();
        vec![first.join(), second.join(), third.join()]
    })
}

#[test]
fn an_act_that_is_refused_leaves_its_neighbours() {
    let names = Names::new();
    let twice = |conn: &mut Conn| add(conn, "mine").and_then(|()| add(conn, "first"));
    let answers = three(&names, twice, |conn| add(conn, "third"));
    let kept: Vec<bool> = answers.into_iter().map(|answer| answer.unwrap().is_ok()).collect();
    assert_eq!((kept, names.seen()), (vec![true, false, true], 2));
}

#[test]
fn an_act_that_panics_leaves_its_neighbours() {
    let names = Names::new();
    let panics = |conn: &mut Conn| {
        add(conn, "half").unwrap();
        panic!("a defect")
    };
    let answers = three(&names, panics, |conn| add(conn, "third"));
    assert!(matches!(&answers[0], Ok(Ok(()))) && matches!(&answers[2], Ok(Ok(()))));
    assert!(answers[1].is_err());
    assert_eq!(names.seen(), 2);
}

#[test]
fn a_panic_inside_a_transaction_of_its_own_gives_the_group_up_and_the_writer_goes_on() {
    let names = Names::new();
    let panics = |conn: &mut Conn| -> Result<(), DbError> {
        super::pool::begin_savepoint(conn)?;
        panic!("a defect")
    };
    let answers = three(&names, |conn| add(conn, "second"), panics);
    for answer in &answers[..2] {
        assert!(matches!(answer, Ok(Err(DbError::Unavailable(_)))), "{answer:?}");
    }
    assert!(answers[2].is_err());
    assert_eq!(names.seen(), 0);
    names.db.write(|conn| add(conn, "later")).unwrap();
    assert_eq!(names.seen(), 1);
}

#[test]
fn a_full_disk_is_said_by_the_act_that_met_it_and_nothing_of_its_group_is_kept() {
    let names = Names::new();
    let fills = |conn: &mut Conn| {
        conn.batch_execute("PRAGMA cache_size = 2; PRAGMA max_page_count = 20")?;
        add(conn, &"x".repeat(1 << 20))
    };
    let answers = three(&names, fills, |conn| add(conn, "third"));
    let why = |answer: &std::thread::Result<Result<(), DbError>>| match answer {
        Ok(Err(DbError::Unavailable(why))) => why.clone(),
        other => format!("{other:?}"),
    };
    assert!(why(&answers[1]).contains("full"), "{}", why(&answers[1]));
    let kept = i64::from(matches!(&answers[0], Ok(Ok(())))) + i64::from(matches!(&answers[2], Ok(Ok(()))));
    assert_eq!(names.seen(), kept, "what was answered is there, and nothing else");
    // What comes after has a connection again.
    names.db.write(|conn| add(conn, "later")).unwrap();
}

#[test]
fn nobody_waits_for_a_long_job() {
    let names = Names::new();
    let db = &names.db;
    let (began, has_begun) = channel();
    let (go, may_go) = channel::<()>();
    let (finish, may_finish) = channel::<()>();
    std::thread::scope(|scope| {
        let short = scope.spawn(move || {
            db.write::<_, DbError>(move |conn| {
                began.send(()).unwrap();
                may_go.recv().unwrap();
                add(conn, "short")
            })
        });
        has_begun.recv().unwrap();
        let long = scope.spawn(move || {
            db.write_long::<_, DbError>(move |conn| {
                may_finish.recv().unwrap();
                add(conn, "long")
            })
        });
        until_waiting(db, 1);
        go.send(()).unwrap();
        short.join().unwrap().unwrap();
        assert_eq!(names.seen(), 1);
        finish.send(()).unwrap();
        long.join().unwrap().unwrap();
    });
    assert_eq!(names.seen(), 2);
}

#[test]
fn many_at_once_are_all_kept() {
    let names = Names::new();
    std::thread::scope(|scope| {
        for n in 0..16 {
            let db = &names.db;
            scope.spawn(move || {
                for m in 0..20 {
                    let write = |conn: &mut Conn| add(conn, &format!("{n}-{m}"));
                    if (n + m) % 7 == 0 { db.write_long(write).unwrap() } else { db.write(write).unwrap() }
                }
            });
        }
    });
    assert_eq!(names.seen(), 320);
}
