//! Connections: how many there may be, of one address and in all. Whoever comes beyond that gets the place of the one
//! that has been idle longest, of the same address or of the one that has most: so a thousand idle connections keep
//! nobody else out, and people behind one address don't keep out each other.

use std::any::Any;
use std::collections::HashMap;
use std::net::{IpAddr, Shutdown, TcpStream};
use std::os::fd::AsFd as _;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

/// How many connections there may be. Each takes two open files, one of them to close it by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Most {
    pub all: usize,
    /// Of one address, unless it is a trusted proxy's, which is everybody's.
    pub each: usize,
}

/// Open files beside those of connections: the program's own, its listeners, files on their way in.
const OWN_FILES: usize = 64;
/// A database connection's: the file, its log, its index; or a socket.
const FILES_OF_A_DATABASE_CONNECTION: usize = 4;
/// With fewer connections than this nobody is served well.
const FEWEST: usize = 16;

impl Most {
    /// As many of them as the process may have files open for; None: too few to serve.
    #[must_use]
    pub fn within(self, open_files: Option<usize>, database_connections: usize) -> Option<Self> {
        let Some(open_files) = open_files else { return Some(self) };
        let others = OWN_FILES + database_connections.saturating_mul(FILES_OF_A_DATABASE_CONNECTION);
        let all = (open_files.saturating_sub(others) / 2).min(self.all);
        let each = if all < self.all { self.each.min(all / 2) } else { self.each };
        (all >= FEWEST).then_some(Self { all, each })
    }

    /// The open files that it takes.
    pub fn files(self, database_connections: usize) -> usize {
        2 * self.all + OWN_FILES + database_connections.saturating_mul(FILES_OF_A_DATABASE_CONNECTION)
    }
}

/// How many files this process may have open; None: nobody says.
pub fn open_files() -> Option<usize> {
    let limits = std::fs::read_to_string("/proc/self/limits").ok()?;
    let line = limits.lines().find(|line| line.starts_with("Max open files"))?;
    line.split_whitespace().nth(3)?.parse().ok()
}

/// Every connection of the server.
pub struct Connections {
    most: Most,
    trusted: Vec<IpAddr>,
    table: Mutex<Table>,
    begun: Instant,
}

#[derive(Default)]
struct Table {
    next: u64,
    all: usize,
    by_address: HashMap<IpAddr, HashMap<u64, Arc<Line>>>,
}

/// One of them.
struct Line {
    /// The same socket once more, to close it by.
    socket: TcpStream,
    /// Requests being answered.
    busy: AtomicUsize,
    /// Since when it is idle, in milliseconds of the server's life.
    idle_since: AtomicU64,
}

/// A place, free again when it is dropped.
pub struct Held {
    connections: Arc<Connections>,
    address: IpAddr,
    id: u64,
    line: Arc<Line>,
}

/// A request on a connection: while it is answered, the connection is not idle.
pub struct Working {
    connections: Arc<Connections>,
    line: Arc<Line>,
}

/// What a connection of its own address or of any makes room.
enum Room {
    Free,
    Of(IpAddr, u64),
    None,
}

impl Connections {
    pub fn new(most: Most, trusted: Vec<IpAddr>) -> Arc<Self> {
        Arc::new(Self { most, trusted, table: Mutex::default(), begun: Instant::now() })
    }

    /// Takes a new connection in, as actix hands it over; None: there is no place, and it was closed.
    pub fn enter(self: &Arc<Self>, stream: &dyn Any) -> Option<Held> {
        let stream = stream.downcast_ref::<actix_web::rt::net::TcpStream>()?;
        let address = stream.peer_addr().ok()?.ip();
        let socket = TcpStream::from(stream.as_fd().try_clone_to_owned().ok()?);
        self.place(address, socket)
    }

    fn place(self: &Arc<Self>, address: IpAddr, socket: TcpStream) -> Option<Held> {
        let mut table = self.table.lock().unwrap_or_else(PoisonError::into_inner);
        let crowded = table.by_address.get(&address).is_some_and(|lines| lines.len() >= self.most.each);
        let room = if crowded && !self.trusted.contains(&address) {
            table.longest_idle(|of| *of == address)
        } else if table.all >= self.most.all {
            table.of_who_has_most(&self.trusted)
        } else {
            Room::Free
        };
        match room {
            Room::Free => {}
            Room::Of(of, id) => {
                if let Some(line) = table.leave(of, id) {
                    line.socket.shutdown(Shutdown::Both).ok();
                }
            }
            Room::None => {
                socket.shutdown(Shutdown::Both).ok();
                return None;
            }
        }
        let line =
            Arc::new(Line { socket, busy: AtomicUsize::new(0), idle_since: AtomicU64::new(self.now()) });
        let id = table.next;
        table.next += 1;
        table.all += 1;
        table.by_address.entry(address).or_default().insert(id, Arc::clone(&line));
        Some(Held { connections: Arc::clone(self), address, id, line })
    }

    fn now(&self) -> u64 {
        u64::try_from(self.begun.elapsed().as_millis()).unwrap_or(u64::MAX)
    }
}

impl Table {
    fn leave(&mut self, address: IpAddr, id: u64) -> Option<Arc<Line>> {
        let lines = self.by_address.get_mut(&address)?;
        let line = lines.remove(&id)?;
        if lines.is_empty() {
            self.by_address.remove(&address);
        }
        self.all -= 1;
        Some(line)
    }

    fn longest_idle(&self, of: impl Fn(&IpAddr) -> bool) -> Room {
        let lines = self.by_address.iter().filter(|(address, _)| of(address));
        let idle =
            lines.flat_map(|(address, lines)| lines.iter().map(move |(id, line)| (*address, *id, line)));
        let idle = idle.filter(|(_, _, line)| line.busy.load(Ordering::Relaxed) == 0);
        let longest = idle.min_by_key(|(_, id, line)| (line.idle_since.load(Ordering::Relaxed), *id));
        longest.map_or(Room::None, |(address, id, _)| Room::Of(address, id))
    }

    fn of_who_has_most(&self, trusted: &[IpAddr]) -> Room {
        let others = || self.by_address.iter().filter(|(address, _)| !trusted.contains(address));
        let most = others().map(|(_, lines)| lines.len()).max().unwrap_or_default();
        let of_most = self.longest_idle(|address| {
            !trusted.contains(address)
                && self.by_address.get(address).is_some_and(|lines| lines.len() == most)
        });
        match of_most {
            Room::None => self.longest_idle(|address| !trusted.contains(address)),
            found => found,
        }
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        let mut table = self.connections.table.lock().unwrap_or_else(PoisonError::into_inner);
        table.leave(self.address, self.id);
    }
}

impl Held {
    /// A request has come.
    pub fn work(&self) -> Working {
        self.line.busy.fetch_add(1, Ordering::Relaxed);
        Working { connections: Arc::clone(&self.connections), line: Arc::clone(&self.line) }
    }
}

impl Drop for Working {
    fn drop(&mut self) {
        self.line.idle_since.store(self.connections.now(), Ordering::Relaxed);
        self.line.busy.fetch_sub(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use std::io::Read as _;
    use std::net::TcpListener;

    use super::*;

    fn address(last: u8) -> IpAddr {
        IpAddr::from([192, 0, 2, last])
    }

    /// Both ends of a connection.
    fn pair(listener: &TcpListener) -> (TcpStream, TcpStream) {
        let far = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        far.set_nonblocking(true).unwrap();
        (listener.accept().unwrap().0, far)
    }

    fn is_closed(mut far: &TcpStream) -> bool {
        matches!(far.read(&mut [0]), Ok(0))
    }

    #[test]
    fn the_longest_idle_makes_room() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let house = Connections::new(Most { all: 4, each: 2 }, vec![address(9)]);
        let come = |from: u8| {
            let (near, far) = pair(&listener);
            (house.place(address(from), near), far)
        };
        let (first, far_first) = come(1);
        let (second, far_second) = come(1);
        // At work, the first is not idle.
        let working = first.as_ref().unwrap().work();
        let (third, far_third) = come(1);
        assert!(third.is_some() && is_closed(&far_second));
        assert!(!is_closed(&far_first) && !is_closed(&far_third));
        // All at work: whoever comes is sent away.
        let also = third.as_ref().unwrap().work();
        let (fourth, far_fourth) = come(1);
        assert!(fourth.is_none() && is_closed(&far_fourth));
        // Another address is no worse off; when all is full, who has most makes room.
        drop((working, also));
        let (other, far_other) = come(2);
        let (proxy, far_proxy) = come(9);
        let (more, _far_more) = come(3);
        assert!(other.is_some() && proxy.is_some() && more.is_some());
        assert!(is_closed(&far_first) && !is_closed(&far_other) && !is_closed(&far_proxy));
        drop((first, second, third, other, proxy, more));
        let table = house.table.lock().unwrap();
        assert!(table.all == 0 && table.by_address.is_empty());
    }

    #[test]
    fn a_proxy_is_bounded_with_all_only() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let house = Connections::new(Most { all: 4, each: 1 }, vec![address(9)]);
        let come = |from: u8| {
            let (near, far) = pair(&listener);
            (house.place(address(from), near), far)
        };
        let of_proxy: Vec<_> = (0..4).map(|_| come(9)).collect();
        assert!(of_proxy.iter().all(|(held, far)| held.is_some() && !is_closed(far)));
        let (more, far) = come(1);
        assert!(more.is_none() && is_closed(&far), "nobody is idle whose place could be taken");
    }

    #[test]
    fn few_open_files_make_few_connections() {
        let most = Most { all: 600, each: 200 };
        assert_eq!(most.within(None, 8), Some(most));
        assert_eq!(most.within(Some(most.files(8)), 8), Some(most));
        assert_eq!(most.within(Some(256), 8), Some(Most { all: 80, each: 40 }));
        assert_eq!(most.within(Some(64), 8), None);
        assert!(open_files().is_some_and(|files| files > 0));
    }
}
