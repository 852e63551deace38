//! A server that is there and says nothing: its kernel takes what it is sent, and no answer comes. Only PostgreSQL is one.

use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use diesel::connection::SimpleConnection as _;
use itaku::db::{Db, DbError};

use crate::support::database::Database;

/// Between the program and its server; while it is frozen, it takes connections and passes nothing on.
struct Between {
    url: String,
    frozen: Arc<AtomicBool>,
}

impl Between {
    fn new(url: &str) -> Self {
        let (before, database) = url.rsplit_once('/').unwrap();
        let (credentials, server) = before.rsplit_once('@').unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("{credentials}@{}/{database}", listener.local_addr().unwrap());
        let frozen = Arc::new(AtomicBool::new(false));
        let (server, stands) = (server.to_owned(), Arc::clone(&frozen));
        thread::spawn(move || {
            for client in listener.incoming().map_while(Result::ok) {
                if let Ok(server) = TcpStream::connect(&server) {
                    let back = (server.try_clone().unwrap(), client.try_clone().unwrap());
                    pass(client, server, Arc::clone(&stands));
                    pass(back.0, back.1, Arc::clone(&stands));
                }
            }
        });
        Self { url, frozen }
    }

    fn freeze(&self, frozen: bool) {
        self.frozen.store(frozen, Ordering::SeqCst);
    }
}

fn pass(mut from: TcpStream, mut to: TcpStream, frozen: Arc<AtomicBool>) {
    thread::spawn(move || {
        let mut some = [0; 4096];
        while let Ok(n @ 1..) = from.read(&mut some) {
            while frozen.load(Ordering::SeqCst) {
                thread::sleep(Duration::from_millis(5));
            }
            if to.write_all(&some[..n]).is_err() {
                break;
            }
        }
        to.shutdown(std::net::Shutdown::Both).ok();
    });
}

#[test]
fn n17_a_server_that_says_nothing_is_given_up_within_five_seconds_and_found_again() {
    let (_database, url) = Database::postgresql();
    let between = Between::new(&url);
    let db = Db::open(&between.url, 3).unwrap();
    let ask = |sql: &str| db.read_one::<_, DbError>(|conn| Ok(conn.batch_execute(sql)?));
    ask("SELECT 1").unwrap();
    thread::scope(|scope| {
        // One waits for an answer when it happens; the next comes to a connection that lay idle.
        let waiting = scope.spawn(|| ask("SELECT pg_sleep(0.5)"));
        thread::sleep(Duration::from_millis(200));
        between.freeze(true);
        let began = Instant::now();
        let refused = [ask("SELECT 1"), waiting.join().unwrap()];
        assert!(refused.iter().all(|it| matches!(it, Err(DbError::Unavailable(_)))), "{refused:?}");
        assert!(began.elapsed() < Duration::from_secs(5), "{:?}", began.elapsed());
    });
    between.freeze(false);
    let began = Instant::now();
    while ask("SELECT 1").is_err() {
        assert!(began.elapsed() < Duration::from_secs(10), "it is there again");
    }
}
