//! The house keeps its shape: arrows between rooms point down only, SQL and the wall clock stay in their
//! rooms, pages need no inline style or script, the map names every room, both databases migrate alike.

#![expect(clippy::panic, reason = "a file that cannot be read fails the test, with its name")]

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

/// Which rooms a room may name, beside itself. From docs/ARCHITECTURE.md; a room missing here fails.
const ARROWS: &[(&str, &[&str])] = &[
    ("domain", &[]),
    ("clock", &["domain"]),
    ("config", &["domain"]),
    // Stores entries and drafts, takes instants and ids from the sources passed in.
    ("db", &["clock", "domain", "ledger", "notice"]),
    ("ledger", &["domain"]),
    // A receipt is mailed as it was given.
    ("notice", &["domain", "ledger"]),
    ("exchange", &["domain"]),
    ("service", &["clock", "config", "db", "domain", "exchange", "ledger", "notice"]),
    ("schedule", &["clock", "db", "domain", "notice", "service"]),
    ("web", &["clock", "domain", "service"]),
    // Puts the house together: opens the database, chooses the transport, starts the servers.
    (
        "cli",
        &["clock", "config", "db", "domain", "exchange", "ledger", "notice", "schedule", "service", "web"],
    ),
    ("main", &["cli"]),
    // Declares the rooms and names none.
    ("lib", &[]),
];

/// Macros that live at the crate's root whatever room wrote them.
const MACROS: &[&str] = &["input", "text_enum"];

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

fn files(folder: &str) -> Vec<PathBuf> {
    fn walk(folder: &Path, found: &mut Vec<PathBuf>) {
        for entry in fs::read_dir(folder).unwrap_or_else(|e| panic!("{}: {e}", folder.display())) {
            let path = entry.unwrap_or_else(|e| panic!("{}: {e}", folder.display())).path();
            if path.is_dir() { walk(&path, found) } else { found.push(path) }
        }
    }
    let mut found = Vec::new();
    walk(&root().join(folder), &mut found);
    found.sort();
    found
}

fn read(path: &Path) -> String {
    fs::read_to_string(path).unwrap_or_else(|e| panic!("{}: {e}", path.display()))
}

/// The path from the project's root, with `/`.
fn name(path: &Path) -> String {
    path.strip_prefix(root()).unwrap_or(path).display().to_string()
}

/// `src/domain/chain.rs` → `domain`, `src/clock.rs` → `clock`.
fn room_of(path: &str) -> &str {
    let inside = path.strip_prefix("src/").unwrap_or(path);
    inside.split_once('/').map_or_else(|| inside.trim_end_matches(".rs"), |(room, _)| room)
}

/// The text with line comments blanked, so that links in the documentation are no arrows; lines stay.
fn code(text: &str) -> String {
    text.lines()
        .map(|line| match line.find("//") {
            // `//` inside an address is not a comment.
            Some(at) if !line[..at].ends_with(':') => &line[..at],
            _ => line,
        })
        .collect::<Vec<_>>()
        .join("\n")
}

fn line_of(text: &str, at: usize) -> usize {
    text[..at].matches('\n').count() + 1
}

/// The first segments named after `crate::` (or `itaku::` in main), groups opened, with their lines.
fn roots_named(text: &str, prefix: &str) -> Vec<(usize, String)> {
    let is_name = |c: char| c.is_alphanumeric() || c == '_';
    let mut found = Vec::new();
    for (at, _) in text.match_indices(prefix) {
        if text[..at].ends_with(is_name) {
            continue; // `mycrate::`
        }
        let rest = &text[at + prefix.len()..];
        let line = line_of(text, at);
        let Some(group) = rest.strip_prefix('{') else {
            found.push((line, rest.chars().take_while(|c| is_name(*c)).collect()));
            continue;
        };
        let (mut depth, mut segment, mut taking) = (0, String::new(), true);
        for c in group.chars() {
            match c {
                '{' => depth += 1,
                '}' if depth == 0 => break,
                '}' => depth -= 1,
                ',' if depth == 0 => {
                    found.push((line, std::mem::take(&mut segment)));
                    taking = true;
                }
                ':' if depth == 0 => taking = false,
                c if depth == 0 && taking && is_name(c) => segment.push(c),
                _ => {}
            }
        }
        found.push((line, segment));
    }
    found.retain(|(_, segment)| !segment.is_empty() && !MACROS.contains(&segment.as_str()));
    found
}

/// What is wrong with the arrows of one file of src.
fn wrong_arrows(path: &str, text: &str) -> Vec<String> {
    let room = room_of(path);
    let Some((_, allowed)) = ARROWS.iter().find(|(r, _)| *r == room) else {
        return vec![format!("{path}: the room `{room}` is not in ARROWS of tests/arrows.rs")];
    };
    let text = code(text);
    let prefix = if room == "main" { "itaku::" } else { "crate::" };
    let mut wrong: Vec<String> = roots_named(&text, prefix)
        .into_iter()
        .filter(|(_, to)| to != room && !allowed.contains(&to.as_str()))
        .map(|(line, to)| format!("{path}:{line}: `{room}` must not name `{to}`"))
        .collect();
    // `super` is for the file's own room; out of it one goes by `crate::`, where it is seen. Tests stand one deeper.
    let depth = path.matches('/').count() - usize::from(path.ends_with("/mod.rs"));
    let tests = text.find("mod tests").unwrap_or(text.len());
    for (part, from, levels) in [(&text[..tests], 0, depth), (&text[tests..], tests, depth + 1)] {
        let climb = "super::".repeat(levels);
        if !["main", "lib"].contains(&room) {
            let found = part.match_indices(&climb);
            wrong.extend(found.map(|(at, _)| {
                format!("{path}:{}: `{climb}` leaves the room unseen", line_of(&text, from + at))
            }));
        }
    }
    wrong
}

/// `word` as a whole word outside comments, by line.
fn lines_with(text: &str, word: &str) -> Vec<usize> {
    let text = code(text);
    let is_name = |c: char| c.is_alphanumeric() || c == '_';
    text.match_indices(word)
        .filter(|(at, _)| !text[..*at].ends_with(is_name) && !text[at + word.len()..].starts_with(is_name))
        .map(|(at, _)| line_of(&text, at))
        .collect()
}

/// What a page under our CSP would lose: inline style, style sheets, scripts and handlers.
fn inline_parts(path: &str, text: &str) -> Vec<String> {
    let mut wrong = Vec::new();
    for (n, line) in text.lines().enumerate() {
        let low = line.to_lowercase();
        let script = low.match_indices("<script").any(|(at, _)| {
            let tag = low[at..].split('>').next().unwrap_or_default();
            !tag.contains(" src=")
        });
        let handler = low.match_indices(" on").any(|(at, _)| {
            let rest = low[at + 3..].trim_start_matches(|c: char| c.is_ascii_lowercase());
            low[at + 3..].starts_with(|c: char| c.is_ascii_lowercase()) && rest.starts_with("=\"")
        });
        let found = [
            (" style=", low.contains(" style=")),
            ("<style", low.contains("<style")),
            ("inline <script>", script),
            ("on…= handler", handler),
            ("javascript:", low.contains("javascript:")),
        ];
        for (what, _) in found.iter().filter(|(_, seen)| *seen) {
            wrong.push(format!("{path}:{}: {what} does not pass the Content-Security-Policy", n + 1));
        }
    }
    wrong
}

fn none(wrong: &[String]) {
    assert!(wrong.is_empty(), "\n{}\n", wrong.join("\n"));
}

#[test]
fn arrows_point_down_only() {
    let wrong: Vec<String> = files("src").iter().flat_map(|f| wrong_arrows(&name(f), &read(f))).collect();
    none(&wrong);
}

#[test]
fn a_wrong_arrow_is_found() {
    let seen = |path, text| wrong_arrows(path, text).len();
    assert_eq!(seen("src/domain/chain.rs", "use crate::text_enum;\nuse crate::domain::id::Id;"), 0);
    assert_eq!(seen("src/domain/chain.rs", "use crate::db::Pool;"), 1);
    assert_eq!(seen("src/domain/chain.rs", "/// see [`crate::db`]\nfn x() {}"), 0);
    assert_eq!(seen("src/ledger/mod.rs", "use crate::{domain::{id::Id, db}, service::chain, web};"), 2);
    assert_eq!(seen("src/service/chain/mod.rs", "fn f() { crate::web::app::run() }"), 1);
    assert_eq!(seen("src/service/chain/decide.rs", "use super::super::super::web;"), 1);
    assert_eq!(seen("src/service/chain/decide.rs", "use super::apply;"), 0);
    assert_eq!(seen("src/clock.rs", "use super::web;"), 1);
    assert_eq!(seen("src/clock.rs", "#[cfg(test)]\nmod tests {\n    use super::*;\n}"), 0);
    assert_eq!(seen("src/main.rs", "itaku::cli::run()"), 0);
    assert_eq!(seen("src/main.rs", "itaku::db::open()"), 1);
    assert_eq!(seen("src/attic/mod.rs", ""), 1);
    assert!(wrong_arrows("src/db/mod.rs", "\n\nuse crate::service;")[0].starts_with("src/db/mod.rs:3:"));
}

#[test]
fn only_db_knows_sql() {
    let wrong: Vec<String> = files("src")
        .iter()
        .filter(|f| !name(f).starts_with("src/db/"))
        .flat_map(|f| {
            let text = read(f);
            ["diesel", "diesel_migrations", "libsqlite3_sys", "pq_sys"]
                .iter()
                .flat_map(|w| {
                    lines_with(&text, w)
                        .into_iter()
                        .map(|n| format!("{}:{n}: `{w}` belongs to src/db", name(f)))
                        .collect::<Vec<_>>()
                })
                .collect::<Vec<_>>()
        })
        .collect();
    none(&wrong);
    assert_eq!(lines_with("// diesel\nuse diesel::x;\nlet diesels = 1;", "diesel"), [2]);
}

#[test]
fn only_the_clock_asks_the_wall() {
    let wrong: Vec<String> = files("src")
        .iter()
        .filter(|f| name(f) != "src/clock.rs")
        .flat_map(|f| {
            let text = read(f);
            ["Utc::now", "Local::now", "SystemTime::now"]
                .iter()
                .flat_map(|w| {
                    lines_with(&text, w)
                        .into_iter()
                        .map(|n| format!("{}:{n}: `{w}`: take the instant from a Clock", name(f)))
                        .collect::<Vec<_>>()
                })
                .collect::<Vec<_>>()
        })
        .collect();
    none(&wrong);
}

#[test]
fn lints_are_expected_with_a_reason_never_allowed() {
    let wrong: Vec<String> = files("src")
        .iter()
        .flat_map(|f| {
            let text = code(&read(f));
            ["#[allow(", "#![allow("]
                .iter()
                .flat_map(|w| {
                    text.match_indices(w)
                        .map(|(at, _)| {
                            format!("{}:{}: write #[expect(…, reason = \"…\")]", name(f), line_of(&text, at))
                        })
                        .collect::<Vec<_>>()
                })
                .collect::<Vec<_>>()
        })
        .collect();
    none(&wrong);
}

#[test]
fn pages_carry_no_inline_style_or_script() {
    // Mail is read elsewhere, under no policy of ours, and has no external sheet.
    let pages = files("templates").into_iter().filter(|f| !name(f).starts_with("templates/mail/"));
    let sources = files("src/web");
    let wrong: Vec<String> = pages.chain(sources).flat_map(|f| inline_parts(&name(&f), &read(&f))).collect();
    none(&wrong);

    let seen = |text| inline_parts("x.html", text).len();
    assert_eq!(seen("<p class=\"x\">on = style</p><script src=\"/static/app.js\"></script>"), 0);
    assert_eq!(seen("<p style=\"color: red\">"), 1);
    assert_eq!(
        seen("<style>p {}</style>\n<script>x()</script>\n<a onclick=\"x()\" href=\"javascript:x()\">"),
        4
    );
}

#[test]
fn the_map_names_every_room() {
    let map = read(&root().join("docs/ARCHITECTURE.md"));
    let there: BTreeSet<String> = fs::read_dir(root().join("src"))
        .expect("src")
        .map(|entry| {
            let entry = entry.expect("an entry of src");
            let room = entry.file_name().to_string_lossy().into_owned();
            if entry.path().is_dir() { room + "/" } else { room }
        })
        .collect();
    let named = rooms_in(&map);
    none(
        &there
            .difference(&named)
            .map(|r| format!("src/{r} is not in the map of docs/ARCHITECTURE.md"))
            .collect::<Vec<_>>(),
    );
    none(
        &named
            .difference(&there)
            .map(|r| format!("docs/ARCHITECTURE.md names src/{r}, which is not there"))
            .collect::<Vec<_>>(),
    );
}

/// Kinds of security event at least (trust.md).
const EVENTS: usize = 30;

/// The names given to `event` in the text.
fn events_in(text: &str) -> BTreeSet<String> {
    let given = text.split("event = \"").skip(1);
    given.filter_map(|rest| rest.split('"').next()).map(str::to_owned).collect()
}

#[test]
fn the_operators_table_has_every_event_and_no_other() {
    let told: BTreeSet<String> = files("src").iter().flat_map(|file| events_in(&read(file))).collect();
    let document = read(&root().join("docs/operations.md"));
    let table = document.split("Security events carry a field `event`:").nth(1).unwrap_or_default();
    let rows =
        table.lines().skip_while(|line| !line.starts_with('|')).take_while(|line| line.starts_with('|'));
    // The names stand in the first column, between backticks.
    let listed: BTreeSet<String> = rows
        .skip(2)
        .filter_map(|row| row.split('|').nth(1))
        .flat_map(|names| names.split('`').skip(1).step_by(2))
        .map(str::to_owned)
        .collect();
    none(
        &told
            .difference(&listed)
            .map(|e| format!("docs/operations.md does not tell of {e}"))
            .collect::<Vec<_>>(),
    );
    none(&listed.difference(&told).map(|e| format!("no code tells the event {e}")).collect::<Vec<_>>());
    assert!(told.len() >= EVENTS, "{} kinds of event", told.len());
    // Given by name, so that they can be found here.
    let unnamed = files("src").into_iter().filter(|file| code(&read(file)).contains("!(event,"));
    none(&unnamed.map(|file| format!("{}: an event without its name", name(&file))).collect::<Vec<_>>());
}

/// The rooms in the map's block under `src/`: lines indented by two spaces, `room/ what it is` or `file.rs file.rs`.
fn rooms_in(map: &str) -> BTreeSet<String> {
    let mut rooms = BTreeSet::new();
    let block =
        map.lines().skip_while(|l| !l.starts_with("src/")).skip(1).take_while(|l| !l.starts_with("```"));
    for line in block.filter(|l| l.starts_with("  ") && !l.starts_with("   ")) {
        for word in line.split_whitespace() {
            if word.ends_with('/') {
                rooms.insert(word.to_owned());
                break;
            }
            if Path::new(word).extension().is_none_or(|e| e != "rs") {
                break;
            }
            rooms.insert(word.to_owned());
        }
    }
    rooms
}

#[test]
fn the_map_is_read() {
    let map = "```\nstatic/ x\nsrc/\n  main.rs      hands argv\n  web/         app.rs · auth.rs\n  config.rs  clock.rs\n```\n  no/ room";
    assert_eq!(rooms_in(map).into_iter().collect::<Vec<_>>(), ["clock.rs", "config.rs", "main.rs", "web/"]);
}

#[test]
fn both_databases_have_the_same_migrations() {
    let names = |database: &str| -> BTreeSet<String> {
        let folder = format!("migrations/{database}/");
        files(&folder).iter().map(|f| name(f).trim_start_matches(&folder).to_owned()).collect()
    };
    let (sqlite, postgresql) = (names("sqlite"), names("postgresql"));
    none(
        &sqlite
            .difference(&postgresql)
            .map(|m| format!("migrations/postgresql/{m} is missing"))
            .collect::<Vec<_>>(),
    );
    none(
        &postgresql
            .difference(&sqlite)
            .map(|m| format!("migrations/sqlite/{m} is missing"))
            .collect::<Vec<_>>(),
    );
    assert!(sqlite.iter().any(|m| m.ends_with("/up.sql")), "no migration at all");
}
