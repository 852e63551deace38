//! The papers keep to the tree: what docs/asvs.md, threats.md, promises.md and dependencies.md name is there, every
//! requirement has its row, and nothing is called open without saying why and what would close it.

#![expect(clippy::panic, reason = "a paper that cannot be read fails the test, with its name")]

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::PathBuf;

/// OWASP ASVS 5.0.0, levels 1 and 2: the sections and how many requirements each has there. Within a section those of
/// level 3 come last, so the numbers are 1 to n. 253 in all.
const SECTIONS: &[(&str, u32)] = &[
    ("1.1", 2),
    ("1.2", 9),
    ("1.3", 11),
    ("1.4", 3),
    ("1.5", 2),
    ("2.1", 3),
    ("2.2", 3),
    ("2.3", 4),
    ("2.4", 1),
    ("3.2", 2),
    ("3.3", 4),
    ("3.4", 6),
    ("3.5", 5),
    ("3.7", 2),
    ("4.1", 3),
    ("4.2", 1),
    ("4.3", 2),
    ("4.4", 4),
    ("5.1", 1),
    ("5.2", 3),
    ("5.3", 2),
    ("5.4", 3),
    ("6.1", 3),
    ("6.2", 12),
    ("6.3", 4),
    ("6.4", 4),
    ("6.5", 5),
    ("6.6", 3),
    ("6.8", 4),
    ("7.1", 3),
    ("7.2", 4),
    ("7.3", 2),
    ("7.4", 5),
    ("7.5", 2),
    ("7.6", 2),
    ("8.1", 2),
    ("8.2", 3),
    ("8.3", 1),
    ("8.4", 1),
    ("9.1", 3),
    ("9.2", 4),
    ("10.1", 2),
    ("10.2", 2),
    ("10.3", 4),
    ("10.4", 11),
    ("10.5", 5),
    ("10.6", 2),
    ("10.7", 3),
    ("11.1", 2),
    ("11.2", 3),
    ("11.3", 3),
    ("11.4", 4),
    ("11.5", 1),
    ("11.6", 1),
    ("12.1", 3),
    ("12.2", 2),
    ("12.3", 4),
    ("13.1", 1),
    ("13.2", 5),
    ("13.3", 2),
    ("13.4", 5),
    ("14.1", 2),
    ("14.2", 4),
    ("14.3", 3),
    ("15.1", 3),
    ("15.2", 3),
    ("15.3", 7),
    ("16.1", 1),
    ("16.2", 5),
    ("16.3", 4),
    ("16.4", 3),
    ("16.5", 3),
    ("17.1", 1),
    ("17.2", 4),
    ("17.3", 2),
];

/// How a requirement can stand. `test`: a test that can fail; `built`: the code or a document answers it and there is
/// nothing to try; `operator`: the agency's, and written down; `open`: not held.
const STATES: &[&str] = &["test", "built", "operator", "open"];

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

fn read(path: &str) -> String {
    fs::read_to_string(root().join(path)).unwrap_or_else(|e| panic!("{path}: {e}"))
}

fn none(wrong: &[String]) {
    assert!(wrong.is_empty(), "\n{}\n", wrong.join("\n"));
}

/// The cells of the tables' rows: header and rule left out.
fn rows(text: &str) -> Vec<Vec<String>> {
    let mut rows = Vec::new();
    let mut before = "";
    for line in text.lines() {
        let is_rule = line.starts_with("| ---");
        let is_row = line.starts_with('|') && before.starts_with('|') && !is_rule;
        if is_row {
            let cells = line.trim_matches('|').split(" | ").map(|cell| cell.trim().to_owned());
            rows.push(cells.collect());
        }
        before = line;
    }
    rows
}

/// What stands in backticks.
fn quoted(text: &str) -> Vec<&str> {
    text.split('`').skip(1).step_by(2).collect()
}

/// A path of the tree, and what is to be found in the file.
fn place(word: &str) -> Option<(&str, Option<&str>)> {
    let (path, inside) = word.split_once("::").map_or((word, None), |(path, inside)| (path, Some(inside)));
    let known = ["tests/", "src/", "docs/", "config/", "migrations/", "templates/", "static/"];
    let at_root = ["README.md", "deny.toml", "Cargo.toml", "Cargo.lock", "clippy.toml"];
    let is_place = known.iter().any(|folder| path.starts_with(folder)) || at_root.contains(&path);
    (is_place && !path.contains(['*', ' ', '<', '{', '…'])).then_some((path, inside))
}

/// What is wrong with the places that a text names.
fn missing(paper: &str, text: &str) -> Vec<String> {
    let mut wrong = Vec::new();
    for (path, inside) in quoted(text).into_iter().filter_map(place) {
        let whole = root().join(path);
        if !whole.exists() {
            wrong.push(format!("{paper}: {path} is not there"));
            continue;
        }
        let Some(inside) = inside else { continue };
        let content = read(path);
        let is_there = if whole.extension().is_some_and(|extension| extension == "rs") {
            content.contains(&format!("fn {inside}("))
        } else {
            content.contains(inside)
        };
        if !is_there {
            wrong.push(format!("{paper}: {path} has no {inside}"));
        }
    }
    wrong
}

/// `6.2.1` of a cell, whatever stands around it.
fn number(cell: &str) -> Option<&str> {
    let cell = cell.trim_start_matches('V');
    let parts: Vec<&str> = cell.split('.').collect();
    let is_number =
        parts.len() == 3 && parts.iter().all(|p| !p.is_empty() && p.bytes().all(|b| b.is_ascii_digit()));
    is_number.then_some(cell)
}

/// `1.2.6-8, 1.3.1` → each of them.
fn numbers(cell: &str) -> Vec<String> {
    let mut all = Vec::new();
    for part in cell.split(", ") {
        let (first, last) = part.split_once('-').map_or((part, None), |(first, last)| (first, Some(last)));
        let Some(first) = number(first) else { continue };
        let (section, from) = first.rsplit_once('.').unwrap_or((first, "1"));
        let read = |text: &str| text.parse::<u32>().unwrap_or_else(|e| panic!("{cell}: {e}"));
        for n in read(from)..=last.map_or_else(|| read(from), read) {
            all.push(format!("{section}.{n}"));
        }
    }
    all
}

#[test]
fn every_requirement_has_its_row() {
    let text = read("docs/asvs.md");
    let mut wrong = missing("docs/asvs.md", &text);
    let mut seen: BTreeMap<String, u32> = BTreeMap::new();
    for row in rows(&text) {
        let of = numbers(&row[0]);
        for n in &of {
            *seen.entry(n.clone()).or_default() += 1;
        }
        // A table of four columns is of requirements that apply: number, in short, state, answer.
        if let [n, short, state, answer] = row.as_slice() {
            let places: Vec<_> = quoted(answer).into_iter().filter_map(place).collect();
            let says = match state.as_str() {
                "test" => places.iter().any(|(_, inside)| inside.is_some()),
                "built" | "operator" => !places.is_empty(),
                "open" => answer.contains("Why:") && answer.contains("Closed by:"),
                _ => false,
            };
            if of.len() != 1 || short.is_empty() || !STATES.contains(&state.as_str()) || !says {
                wrong.push(format!("docs/asvs.md: {n} ({state}) does not say what answers it"));
            }
        } else if !of.is_empty() && row.len() != 2 {
            wrong.push(format!("docs/asvs.md: the row of {} has {} cells", row[0], row.len()));
        }
    }
    let all: BTreeSet<String> =
        SECTIONS.iter().flat_map(|(section, n)| (1..=*n).map(move |i| format!("{section}.{i}"))).collect();
    assert_eq!(all.len(), 253, "levels 1 and 2 of ASVS 5.0.0");
    wrong.extend(all.iter().filter(|n| !seen.contains_key(*n)).map(|n| format!("{n} has no row")));
    wrong.extend(
        seen.keys().filter(|n| !all.contains(*n)).map(|n| format!("{n} is no requirement of level 1 or 2")),
    );
    wrong.extend(
        seen.iter().filter(|(_, times)| **times > 1).map(|(n, times)| format!("{n} stands {times} times")),
    );
    none(&wrong);
    let said = |state: &&str| rows(&text).iter().filter(|row| row.len() == 4 && row[2] == *state).count();
    let counts: Vec<String> = STATES.iter().map(|state| format!("{} {state}", said(state))).collect();
    let apply: usize = STATES.iter().map(said).sum();
    let counts = format!("{}; {} do not apply", counts.join(", "), all.len() - apply);
    assert!(text.contains(&counts), "docs/asvs.md must say: {counts}");
}

#[test]
fn what_the_papers_name_is_there() {
    let papers = ["docs/threats.md", "docs/promises.md", "docs/dependencies.md"];
    none(&papers.iter().flat_map(|paper| missing(paper, &read(paper))).collect::<Vec<_>>());
}

#[test]
fn a_place_that_is_not_there_is_found() {
    let wrong = |text: &str| missing("x.md", text).len();
    assert_eq!(wrong("`tests/documents.rs::a_place_that_is_not_there_is_found` and `cargo`"), 0);
    assert_eq!(wrong("`tests/documents.rs::no_such_test`, `src/nowhere.rs`"), 2);
    assert_eq!(wrong("`tests/run::step_deny` `tests/run::step_nothing`"), 1);
    assert_eq!(numbers("1.2.6-8, 1.3.1"), ["1.2.6", "1.2.7", "1.2.8", "1.3.1"]);
    assert_eq!(rows("| a | b |\n| --- | --- |\n| 1 | 2 |\n"), [["1", "2"]]);
}

/// The names of the tables `[dependencies]` and `[dev-dependencies]` of Cargo.toml.
fn declared(table: &str) -> BTreeSet<String> {
    let text = read("Cargo.toml");
    let block =
        text.lines().skip_while(|line| *line != table).skip(1).take_while(|line| !line.starts_with('['));
    block.filter_map(|line| line.split_once(" = ")).map(|(name, _)| name.to_owned()).collect()
}

#[test]
fn every_dependency_has_its_reason() {
    let text = read("docs/decisions/0015-dependencies.md");
    let named: BTreeSet<String> = rows(&text)
        .iter()
        .flat_map(|row| row[0].split(", ").map(str::to_owned).collect::<Vec<_>>())
        .collect();
    let declared_ones = declared("[dependencies]");
    let mut wrong: Vec<String> =
        declared_ones.difference(&named).map(|name| format!("{name} has no line in decision 0015")).collect();
    wrong.extend(named.difference(&declared_ones).map(|name| format!("{name} is no dependency any more")));
    let for_tests = text.split("For tests only:").nth(1).unwrap_or_default();
    wrong.extend(
        declared("[dev-dependencies]")
            .into_iter()
            .filter(|name| !for_tests.contains(name.as_str()))
            .map(|name| format!("{name} is not among those for tests")),
    );
    none(&wrong);
}

#[test]
fn the_c_libraries_are_of_the_versions_told() {
    let lock = read("Cargo.lock");
    let told: Vec<Vec<String>> =
        rows(&read("docs/dependencies.md")).into_iter().filter(|row| row.len() == 4).collect();
    assert_eq!(told.len(), 5, "the C libraries");
    let mut wrong = Vec::new();
    for row in told {
        let (name, version) = row[2].split_once(' ').unwrap_or_else(|| panic!("{row:?}"));
        if !lock.contains(&format!("name = \"{name}\"\nversion = \"{version}\"\n")) {
            wrong.push(format!("docs/dependencies.md: {name} is not {version}"));
        }
        // openssl-src and pq-src carry the library's version in their own.
        if version.contains('+') && !version.ends_with(&row[1]) {
            wrong.push(format!("docs/dependencies.md: {} is not {}", row[0], row[1]));
        }
    }
    none(&wrong);
}
