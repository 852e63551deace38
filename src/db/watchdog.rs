//! Nobody waits for ever for PostgreSQL's answer. libpq bounds the opening of a connection, and the kernel a line on which
//! nothing is acknowledged (`address`). But the kernel of a frozen server acknowledges all it is sent while nobody answers,
//! and libpq then waits without end. So one thread looks at what is waited for:
//!
//! - After a second without an answer the server's address is asked for a sign of life, as any client begins: an `SSLRequest`
//!   is answered with one byte before anybody logs in. Where none comes, every connection to that address is shut down: who
//!   waits on one is told at once that it is closed, and the pool opens another, where the URL says.
//! - Where there is life, the server's own `statement_timeout` ends what takes too long. What that does not bound, a COMMIT
//!   that waits for its standby or one process that hangs, is shut down after [`ANSWER`].
//!
//! libpq's socket can't be had from diesel. It is the one that is there after the opening and was not before, to a port of
//! the URL; so connections are opened one after another. A duplicate of it is kept: it stays the same socket, whatever its
//! number is given to later.

use std::collections::BTreeSet;
use std::io::{ErrorKind, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::os::fd::{OwnedFd, RawFd};
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::channel;
use std::sync::{Arc, LazyLock, Mutex, MutexGuard, Once, PoisonError, Weak};
use std::thread;
use std::time::{Duration, Instant};

use diesel::connection::{Instrumentation, InstrumentationEvent};
use diesel::{Connection as _, ConnectionError, PgConnection};
use filedescriptor::FileDescriptor;

use super::address::ports;

const TICK: Duration = Duration::from_millis(250);
/// Unanswered for so long, the server is asked for a sign of life.
const DOUBT: Duration = Duration::from_secs(1);
/// How long that may take.
const SIGN: Duration = Duration::from_secs(2);
/// No answer of a living server is waited for longer: a little more than its own `statement_timeout` takes.
const ANSWER: Duration = Duration::from_secs(35);
/// The same for a job that may take long.
const ANSWER_OF_A_JOB: Duration = Duration::from_mins(10);
/// How often a connection is opened anew because it could not be told which socket is its own.
const TRIES: usize = 3;

/// Milliseconds since the first call; never 0.
fn now() -> u64 {
    static BEGAN: LazyLock<Instant> = LazyLock::new(Instant::now);
    millis(BEGAN.elapsed()).saturating_add(1)
}

fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

fn held<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The other end of a connection.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Peer {
    Inet(SocketAddr),
    Unix(PathBuf),
}

impl Peer {
    /// Whether anything at all comes back. Asked from a thread of its own: to a socket of the machine `connect` has no bound.
    fn lives(&self) -> bool {
        let (tell, told) = channel();
        let peer = self.clone();
        let ask = move || tell.send(peer.gives_a_sign()).unwrap_or_default();
        match thread::Builder::new().name("itaku-sign".to_owned()).spawn(ask) {
            Ok(_) => told.recv_timeout(SIGN).unwrap_or(false),
            // It can't be known.
            Err(_) => true,
        }
    }

    fn gives_a_sign(&self) -> bool {
        fn ask(mut stream: impl Read + Write) -> std::io::Result<()> {
            /// Length and code, as the protocol has it since 7.4; answered with S or N.
            const SSL_REQUEST: [u8; 8] = [0, 0, 0, 8, 4, 210, 22, 47];
            stream.write_all(&SSL_REQUEST)?;
            // Closed at once is an answer as well.
            stream.read(&mut [0]).map(drop)
        }
        let asked = match self {
            Self::Inet(address) => TcpStream::connect_timeout(address, SIGN)
                .and_then(|stream| stream.set_read_timeout(Some(SIGN)).map(|()| stream))
                .and_then(ask),
            Self::Unix(path) => UnixStream::connect(path)
                .and_then(|stream| stream.set_read_timeout(Some(SIGN)).map(|()| stream))
                .and_then(ask),
        };
        asked.is_ok() || asked.is_err_and(|error| error.kind() == ErrorKind::ConnectionReset)
    }
}

/// The socket of a connection.
enum Line {
    Inet(TcpStream),
    Unix(UnixStream),
}

impl Line {
    /// A duplicate of an open socket, where it is connected to one of the ports.
    fn to(number: RawFd, ports: &[u16]) -> Option<(Self, Peer)> {
        let file = FileDescriptor::dup(&number).and_then(|it| it.as_file()).ok()?;
        let stream = TcpStream::from(OwnedFd::from(file));
        // Of one of another family it is an error.
        if let Ok(address) = stream.peer_addr() {
            let ours = ports.contains(&address.port());
            return ours.then_some((Self::Inet(stream), Peer::Inet(address)));
        }
        let stream = UnixStream::from(OwnedFd::from(stream));
        let address = stream.peer_addr().ok()?;
        let path = address.as_pathname()?;
        let name = path.file_name()?.to_str()?;
        let ours = ports.iter().any(|port| name == format!(".s.PGSQL.{port}"));
        ours.then(|| (Self::Unix(stream), Peer::Unix(path.to_owned())))
    }

    /// Ends both directions: who waits on it reads that it is closed.
    fn shut_down(&self) -> bool {
        match self {
            Self::Inet(stream) => stream.shutdown(Shutdown::Both),
            Self::Unix(stream) => stream.shutdown(Shutdown::Both),
        }
        .is_ok()
    }
}

/// An open file of this process that is a socket: its number, and `socket:[inode]`.
type Socket = (RawFd, PathBuf);

fn sockets() -> BTreeSet<Socket> {
    let Ok(files) = std::fs::read_dir("/proc/self/fd") else { return BTreeSet::new() };
    let named = files.filter_map(|file| {
        let file = file.ok()?;
        let number = file.file_name().to_str()?.parse::<RawFd>().ok()?;
        Some((number, std::fs::read_link(file.path()).ok()?))
    });
    named.filter(|(_, what)| what.to_str().is_some_and(|what| what.starts_with("socket:"))).collect()
}

/// Sockets to one of the ports that were not there before.
fn new_since(before: &BTreeSet<Socket>, ports: &[u16]) -> Vec<(Line, Peer)> {
    let new = sockets().into_iter().filter(|socket| !before.contains(socket));
    new.filter_map(|(number, _)| Line::to(number, ports)).collect()
}

/// A connection that is looked at.
struct Watched {
    peer: Peer,
    /// None: it is being closed, or was shut down.
    line: Mutex<Option<Line>>,
    /// Since when an answer may be waited for; 0: nothing was asked.
    since: AtomicU64,
    /// How long that had been when the server was last asked for a sign of life.
    asked: AtomicU64,
    /// The longest wait.
    most: AtomicU64,
}

impl Watched {
    fn waited(&self, now: u64) -> u64 {
        match self.since.load(Ordering::Relaxed) {
            0 => 0,
            since => now.saturating_sub(since),
        }
    }

    /// Whether its server is to be asked for a sign of life: after a second, and whenever the wait has doubled.
    fn is_doubtful(&self, now: u64) -> bool {
        let waited = self.waited(now);
        let due = waited >= millis(DOUBT).max(self.asked.load(Ordering::Relaxed).saturating_mul(2));
        if due {
            self.asked.store(waited, Ordering::Relaxed);
        }
        due
    }

    fn shut_down(&self) -> bool {
        held(&self.line).take().is_some_and(|line| line.shut_down())
    }

    fn asks(&self) {
        self.asked.store(0, Ordering::Relaxed);
        self.since.store(now(), Ordering::Relaxed);
    }

    fn rests(&self) {
        self.since.store(0, Ordering::Relaxed);
    }
}

/// diesel tells when a statement begins. That a query's rows have come it does not tell, so a wait may look longer
/// than it was until the next statement, or until the connection is given back.
struct Timer(Arc<Watched>);

impl Instrumentation for Timer {
    fn on_connection_event(&mut self, event: InstrumentationEvent<'_>) {
        match event {
            InstrumentationEvent::StartQuery { .. } => self.0.asks(),
            InstrumentationEvent::FinishQuery { .. } => self.0.rests(),
            _ => {}
        }
    }
}

/// Held beside a connection, and dropped before it.
pub(super) struct Watch(Arc<Watched>);

impl Watch {
    /// It was given back: nothing is waited for, and who has it next is not patient.
    pub(super) fn rests(&self) {
        self.0.rests();
        self.0.most.store(millis(ANSWER), Ordering::Relaxed);
    }

    /// A job has it that may take long.
    pub(super) fn is_for_a_job(&self) {
        self.0.most.store(millis(ANSWER_OF_A_JOB), Ordering::Relaxed);
    }

    /// What has it may take as long as it likes, while the server lives.
    pub(super) fn is_patient(&self) {
        self.0.most.store(u64::MAX, Ordering::Relaxed);
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        held(&self.0.line).take();
    }
}

/// An opening that has begun.
struct Opening {
    began: u64,
    before: BTreeSet<Socket>,
    ports: Vec<u16>,
}

static WATCHED: Mutex<Vec<Weak<Watched>>> = Mutex::new(Vec::new());
static OPENING: Mutex<Option<Opening>> = Mutex::new(None);

/// Opens a connection and watches it; None: its socket could not be told, and only libpq and the kernel bound its waits.
pub(super) fn open(url: &str) -> Result<(PgConnection, Option<Watch>), ConnectionError> {
    static TURN: Mutex<()> = Mutex::new(());
    begin();
    let _turn = held(&TURN);
    let ports = ports(url);
    for _ in 0..TRIES {
        let before = sockets();
        *held(&OPENING) = Some(Opening { began: now(), before: before.clone(), ports: ports.clone() });
        let opened = PgConnection::establish(url);
        *held(&OPENING) = None;
        let mut conn = opened?;
        let mut new = new_since(&before, &ports);
        let (Some((line, peer)), true) = (new.pop(), new.is_empty()) else { continue };
        let watched = Arc::new(Watched {
            peer,
            line: Mutex::new(Some(line)),
            since: AtomicU64::new(0),
            asked: AtomicU64::new(0),
            most: AtomicU64::new(millis(ANSWER)),
        });
        held(&WATCHED).push(Arc::downgrade(&watched));
        conn.set_instrumentation(Timer(Arc::clone(&watched)));
        return Ok((conn, Some(Watch(watched))));
    }
    tracing::warn!(event = "database_unwatched", "a connection's socket can't be told: is /proc there?");
    Ok((PgConnection::establish(url)?, None))
}

/// Starts the thread, once a process.
fn begin() {
    static BEGUN: Once = Once::new();
    BEGUN.call_once(|| {
        let watch = || {
            loop {
                thread::sleep(TICK);
                look();
            }
        };
        if let Err(error) = thread::Builder::new().name("itaku-watchdog".to_owned()).spawn(watch) {
            tracing::error!(%error, "nobody watches how long PostgreSQL takes to answer");
        }
    });
}

/// One look at everything that is waited for.
fn look() {
    let mut watched = Vec::new();
    held(&WATCHED).retain(|one| {
        let one = one.upgrade();
        let stands = one.is_some();
        watched.extend(one);
        stands
    });
    let now = now();
    for one in watched.iter().filter(|one| one.waited(now) >= one.most.load(Ordering::Relaxed)) {
        if one.shut_down() {
            tracing::warn!(event = "database_answer_missing", peer = ?one.peer, milliseconds = one.waited(now), "a statement was not answered; its connection was shut down");
        }
    }
    let mut peers: Vec<&Peer> = Vec::new();
    for one in watched.iter().filter(|one| one.is_doubtful(now)) {
        if !peers.contains(&&one.peer) {
            peers.push(&one.peer);
        }
    }
    for peer in peers.into_iter().filter(|peer| !peer.lives()) {
        let shut = watched.iter().filter(|one| one.peer == *peer && one.shut_down()).count();
        if shut > 0 {
            tracing::warn!(
                event = "database_silent",
                ?peer,
                connections = shut,
                "the database server gives no sign of life; the connections to it were shut down"
            );
        }
    }
    // libpq bounds each host by connect_timeout; not the first words of diesel after it.
    let opening = held(&OPENING);
    if let Some(opening) = opening.as_ref().filter(|it| now.saturating_sub(it.began) >= millis(ANSWER)) {
        for (line, _) in new_since(&opening.before, &opening.ports) {
            line.shut_down();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;

    use super::*;

    #[test]
    fn the_new_socket_to_a_port_is_found_and_shut_down() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let before = sockets();
        let mut client = TcpStream::connect(address).unwrap();
        let (_server, _) = listener.accept().unwrap();
        assert!(new_since(&before, &[1]).is_empty(), "another port");
        let new = new_since(&before, &[address.port()]);
        let [(line, peer)] = new.as_slice() else { panic!("{}", new.len()) };
        assert_eq!(*peer, Peer::Inet(address));
        assert!(line.shut_down());
        assert_eq!(client.read(&mut [0]).unwrap(), 0);
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(".s.PGSQL.5432");
        let _listener = std::os::unix::net::UnixListener::bind(&path).unwrap();
        let before = sockets();
        let mut client = UnixStream::connect(&path).unwrap();
        let new = new_since(&before, &[5432]);
        let [(line, peer)] = new.as_slice() else { panic!("{}", new.len()) };
        assert_eq!(*peer, Peer::Unix(path));
        assert!(line.shut_down());
        assert_eq!(client.read(&mut [0]).unwrap(), 0);
    }

    #[test]
    fn who_answers_anything_lives_and_who_refuses_does_not() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let answering = thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            let mut asked = [0; 8];
            stream.read_exact(&mut asked).unwrap();
            stream.write_all(b"N").unwrap();
            asked
        });
        assert!(Peer::Inet(address).lives());
        assert_eq!(answering.join().unwrap(), [0, 0, 0, 8, 0x04, 0xd2, 0x16, 0x2f]);
        assert!(!Peer::Inet(address).lives(), "nobody listens any more");
    }
}
