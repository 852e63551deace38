//! PostgreSQL's own programs, `pg_dump` and `pg_restore`, found on the PATH and driven. What they are told on their
//! command line everyone on the machine can read: a password goes by their environment.

use std::collections::BTreeMap;
use std::io::{self, BufReader, Read, Write};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{RecvTimeoutError, sync_channel};
use std::thread;
use std::time::Duration;

use super::DbError;
use super::address::bounded;
use super::backup::Gathered;
use crate::domain::backup::LedgerState;

/// How much is copied at once.
const PIECE: usize = 65_536;
/// A program that tells nothing for so long is stopped.
const SILENCE: Duration = Duration::from_mins(10);

/// A database as the programs are told of it: an address without a password, and the password.
struct Target {
    address: String,
    password: Option<String>,
}

/// Takes the password out of a URL, as libpq reads it: credentials end at the first `@` before a `/`.
fn target(url: &str) -> Target {
    let (address, password) = match url.split_once("://") {
        Some((scheme, rest)) => match rest.find(['@', '/']).map(|at| rest.split_at(at)) {
            Some((user, place)) if place.starts_with('@') => match user.split_once(':') {
                Some((user, password)) => {
                    (format!("{scheme}://{user}{place}"), Some(password).filter(|given| !given.is_empty()))
                }
                None => (url.to_owned(), None),
            },
            _ => (url.to_owned(), None),
        },
        None => (url.to_owned(), None),
    };
    let split = address.split_once('?');
    let Some((place, query)) = split.map(|(place, query)| (place.to_owned(), query.to_owned())) else {
        return Target { address, password: password.map(unescaped) };
    };
    let mut secret = password.map(unescaped);
    let mut kept = Vec::new();
    for part in query.split('&') {
        match part.split_once('=') {
            Some(("password", given)) => secret = Some(unescaped(given)),
            _ => kept.push(part),
        }
    }
    let sign = if kept.is_empty() { "" } else { "?" };
    Target { address: format!("{place}{sign}{}", kept.join("&")), password: secret }
}

/// `%40` → `@`
fn unescaped(text: &str) -> String {
    let mut bytes = Vec::new();
    let mut rest = text;
    while let Some((before, escaped)) = rest.split_once('%') {
        bytes.extend(before.as_bytes());
        if let Some(byte) = escaped.get(..2).and_then(|code| u8::from_str_radix(code, 16).ok()) {
            bytes.push(byte);
            rest = escaped.get(2..).unwrap_or_default();
        } else {
            bytes.push(b'%');
            rest = escaped;
        }
    }
    bytes.extend(rest.as_bytes());
    String::from_utf8_lossy(&bytes).into_owned()
}

/// A program with nothing of our environment but what it needs: our secrets stay here.
fn program(name: &'static str) -> Command {
    let mut command = Command::new(name);
    command.env_clear().env("LC_ALL", "C").env("PGCONNECT_TIMEOUT", "10");
    let needed = |key: &str| ["PATH", "HOME", "TMPDIR"].contains(&key) || key.starts_with("PG");
    for (key, value) in std::env::vars_os() {
        if key.to_str().is_some_and(needed) {
            command.env(key, value);
        }
    }
    command
}

fn missing(name: &str, error: &io::Error) -> DbError {
    DbError::Setup(format!(
        "{name} を実行できません（{error}）。PostgreSQL のクライアント（Debian なら postgresql-client）を入れ、PATH に置いてください。"
    ))
}

/// Refuses a program that is not there, or is older than the server: it could not read all of it.
pub fn check_version(name: &'static str, server: i64) -> Result<(), DbError> {
    let output = program(name).arg("--version").output().map_err(|error| missing(name, &error))?;
    let told = String::from_utf8_lossy(&output.stdout).into_owned();
    let version = told.split(|c: char| !c.is_ascii_digit()).find(|part| !part.is_empty());
    match version.and_then(|version| version.parse::<i64>().ok()) {
        Some(version) if version >= server => Ok(()),
        _ => Err(DbError::Setup(format!(
            "{name} がサーバー（PostgreSQL {server}）より古いか、版が分かりません（{}）。同じ版以上のものを PATH に置いてください。",
            told.trim()
        ))),
    }
}

/// Waits for a program; where it failed, its own words are the reason.
fn ended(name: &str, child: &mut Child, said: thread::ScopedJoinHandle<'_, String>) -> Result<(), DbError> {
    let status = child.wait().map_err(|error| missing(name, &error))?;
    let said = said.join().unwrap_or_default();
    if status.success() {
        return Ok(());
    }
    Err(DbError::Unavailable(format!("{name}: {}", said.trim())))
}

/// What a program says on stderr; the beginning of it is enough.
fn listen<'s>(
    scope: &'s thread::Scope<'s, '_>,
    stderr: Option<std::process::ChildStderr>,
) -> thread::ScopedJoinHandle<'s, String> {
    scope.spawn(move || {
        let mut bytes = Vec::new();
        if let Some(mut stderr) = stderr {
            stderr.by_ref().take(4096).read_to_end(&mut bytes).ok();
            io::copy(&mut stderr, &mut io::sink()).ok();
        }
        String::from_utf8_lossy(&bytes).into_owned()
    })
}

fn broken(name: &str, error: &io::Error) -> DbError {
    DbError::Unavailable(format!("{name}: {error}"))
}

/// Copies all that is told. Where nothing is for so long, it is stopped: the server that it asks may be frozen, and would
/// hold the job for ever.
fn copy_while_told(
    mut from: impl Read + Send,
    to: &mut dyn Write,
    silence: Duration,
    stop: impl FnOnce(),
) -> io::Result<()> {
    thread::scope(|scope| {
        let (tell, told) = sync_channel(4);
        scope.spawn(move || {
            loop {
                let mut some = Vec::with_capacity(PIECE);
                let read = from.by_ref().take(PIECE as u64).read_to_end(&mut some);
                if matches!(read, Ok(0)) || tell.send(read.map(|_| some)).is_err() {
                    break;
                }
            }
        });
        loop {
            match told.recv_timeout(silence) {
                Ok(some) => to.write_all(&some?)?,
                Err(RecvTimeoutError::Disconnected) => return Ok(()),
                Err(RecvTimeoutError::Timeout) => {
                    stop();
                    return Err(io::Error::new(io::ErrorKind::TimedOut, "it told nothing for too long"));
                }
            }
        }
    })
}

/// Writes these tables, as the snapshot has them, as an archive of `pg_dump`.
pub fn dump(
    url: &str,
    snapshot: &str,
    schema: &str,
    tables: &[String],
    out: &mut dyn Write,
) -> Result<(), DbError> {
    const NAME: &str = "pg_dump";
    let target = target(&bounded(url));
    let mut command = program(NAME);
    command.args(["--format=custom", "--no-owner", "--no-privileges", "--no-password"]);
    command.arg(format!("--snapshot={snapshot}"));
    command
        .args(tables.iter().map(|table| format!("--table=\"{}\".\"{table}\"", schema.replace('"', "\"\""))));
    command.arg(format!("--dbname={}", target.address));
    if let Some(password) = &target.password {
        command.env("PGPASSWORD", password);
    }
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().map_err(|error| missing(NAME, &error))?;
    let (stdout, stderr) = (child.stdout.take(), child.stderr.take());
    thread::scope(|scope| {
        let said = listen(scope, stderr);
        let stop = || child.kill().unwrap_or_default();
        let copied = stdout.map_or(Ok(()), |stdout| copy_while_told(stdout, out, SILENCE, stop));
        let done = ended(NAME, &mut child, said);
        copied.map_err(|error| broken(NAME, &error))?;
        done
    })
}

/// Brings an archive into a database, all of it or nothing.
pub fn restore(url: &str, archive: &mut (dyn Read + Send)) -> Result<(), DbError> {
    const NAME: &str = "pg_restore";
    let target = target(&bounded(url));
    let mut command = program(NAME);
    command.args([
        "--single-transaction",
        "--exit-on-error",
        "--no-owner",
        "--no-privileges",
        "--no-password",
    ]);
    command.arg(format!("--dbname={}", target.address));
    if let Some(password) = &target.password {
        command.env("PGPASSWORD", password);
    }
    command.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::piped());
    let mut child = command.spawn().map_err(|error| missing(NAME, &error))?;
    let (stdin, stderr) = (child.stdin.take(), child.stderr.take());
    thread::scope(|scope| {
        let said = listen(scope, stderr);
        let copied = stdin.map_or(Ok(0), |mut stdin| io::copy(archive, &mut stdin));
        ended(NAME, &mut child, said)?;
        copied.map_err(|error| broken(NAME, &error)).map(drop)
    })
}

/// Reads all of an archive, as a restore would, and answers the ledger's state by what stands in it.
pub fn ledger_in(archive: &mut (dyn Read + Send)) -> Result<LedgerState, DbError> {
    const NAME: &str = "pg_restore";
    let mut command = program(NAME);
    command.args(["--no-owner", "--no-privileges", "--file=-"]);
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().map_err(|error| missing(NAME, &error))?;
    let (stdin, stdout, stderr) = (child.stdin.take(), child.stdout.take(), child.stderr.take());
    thread::scope(|scope| {
        let said = listen(scope, stderr);
        let fed = scope.spawn(move || stdin.map_or(Ok(0), |mut stdin| io::copy(archive, &mut stdin)));
        let read = stdout.map_or(Ok(LedgerState::default()), |stdout| gathered(BufReader::new(stdout)));
        let fed = fed.join().unwrap_or_else(|_| Err(io::Error::other("it panicked")));
        ended(NAME, &mut child, said)?;
        fed.and(read).map_err(|error| broken(NAME, &error))
    })
}

/// The state of the ledger, from the script that would restore it: rows stand between COPY and `\.`, columns between tabs.
fn gathered(mut script: impl io::BufRead) -> io::Result<LedgerState> {
    let (mut chains, mut entries) = (BTreeMap::new(), 0);
    let mut columns: Option<(bool, Vec<String>)> = None;
    let mut line = Vec::new();
    while script.read_until(b'\n', &mut line)? > 0 {
        match &columns {
            Some(_) if line == b"\\.\n" => columns = None,
            Some((true, names)) => {
                let text = String::from_utf8_lossy(&line);
                let values: Vec<&str> = text.trim_end_matches('\n').split('\t').collect();
                let value = |name: &str| {
                    let at = names.iter().position(|known| known == name);
                    at.and_then(|at| values.get(at)).copied().unwrap_or_default().to_owned()
                };
                chains.insert(value("id"), (value("seq").parse::<i64>().unwrap_or_default(), value("head")));
            }
            Some((false, _)) => entries += 1,
            None => columns = copied(&line),
        }
        line.clear();
    }
    let mut gathered = Gathered::default();
    for (id, (seq, head)) in &chains {
        gathered.add(id, *seq, head);
    }
    // The rows that are there, not those that the chains count.
    Ok(LedgerState { entries, ..gathered.done() })
}

/// Where the rows of a table of the ledger begin: whether they are its chains or its entries, and the columns.
fn copied(line: &[u8]) -> Option<(bool, Vec<String>)> {
    let line = std::str::from_utf8(line).ok()?.strip_prefix("COPY ")?;
    let (table, rest) = line.split_once(" (")?;
    let (columns, _) = rest.split_once(") FROM stdin;")?;
    let table = table.rsplit('.').next()?;
    let columns = columns.split(", ").map(str::to_owned).collect();
    match table {
        "ledger_chains" => Some((true, columns)),
        "ledger_entries" => Some((false, columns)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_does_not_stand_in_the_address() {
        for (url, address, password) in [
            ("postgres://itaku@db/itaku", "postgres://itaku@db/itaku", None),
            ("postgres:///itaku?host=/run", "postgres:///itaku?host=/run", None),
            (
                "postgres://u:a%40b%2@h:1,h2/d?sslmode=require",
                "postgres://u@h:1,h2/d?sslmode=require",
                Some("a@b%2"),
            ),
            ("postgresql://u:p:q@h/d", "postgresql://u@h/d", Some("p:q")),
            ("postgres://h/d?password=x&sslmode=require", "postgres://h/d?sslmode=require", Some("x")),
            ("postgres://h/d?password=x", "postgres://h/d", Some("x")),
            ("postgres://u:@h/d", "postgres://u@h/d", None),
        ] {
            let target = target(url);
            assert_eq!((target.address.as_str(), target.password.as_deref()), (address, password), "{url}");
        }
    }

    #[test]
    fn a_program_that_tells_nothing_is_stopped_and_what_one_tells_is_copied() {
        let (mut program, reader) = std::os::unix::net::UnixStream::pair().unwrap();
        program.write_all(b"some").unwrap();
        let mut copied = Vec::new();
        let close = || program.shutdown(std::net::Shutdown::Both).unwrap();
        let answer = copy_while_told(reader, &mut copied, Duration::from_millis(20), close);
        assert_eq!(answer.unwrap_err().kind(), io::ErrorKind::TimedOut);
        let all = vec![7; 200_000];
        let mut copied = Vec::new();
        copy_while_told(all.as_slice(), &mut copied, SILENCE, || panic!("it told all")).unwrap();
        assert_eq!(copied, all);
    }

    #[test]
    fn the_ledger_is_read_out_of_a_script() {
        let script = "COPY public.alerts (id, title) FROM stdin;\nledger_chains\tx\n\\.\n\n\
                      COPY public.ledger_chains (id, organization_id, seq, head, last_at) FROM stdin;\n\
                      b\to\t2\thb\t2026\na\to\t1\tha\t2026\n\\.\n\
                      COPY public.ledger_entries (id, chain_id) FROM stdin;\n1\ta\n2\tb\n3\tb\n\\.\n";
        let mut expected = Gathered::default();
        expected.add("a", 1, "ha");
        expected.add("b", 2, "hb");
        assert_eq!(gathered(script.as_bytes()).unwrap(), expected.done());
    }
}
