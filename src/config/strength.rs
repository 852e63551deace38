//! Whether a server may be started with what its settings say: secrets that anyone would guess, addresses that send
//! passwords over a line in clear.

use std::collections::BTreeSet;
use std::net::IpAddr;

/// Different characters of a secret at least: 32 hexadecimal digits by chance have fewer once in 100,000 times.
const FEWEST: usize = 8;

/// Words of examples, manuals and lazy hands. None comes into 64 random characters by chance.
const WORDS: [&str; 9] =
    ["secret", "password", "passw0rd", "changeme", "change_me", "example", "default", "itaku", "himitsu"];

/// Why a secret of the right length is none; None: it may be one.
pub fn why_weak(secret: &str) -> Option<&'static str> {
    let plain = secret.to_lowercase();
    let chars: Vec<char> = plain.chars().collect();
    if chars.iter().collect::<BTreeSet<_>>().len() < FEWEST {
        return Some("it has too few different characters");
    }
    let repeats = |width: usize| chars.iter().zip(chars.iter().skip(width)).all(|(a, b)| a == b);
    if (1..=chars.len() / 2).any(repeats) {
        return Some("it is a repetition");
    }
    let step = |(a, b): (&char, &char)| u32::from(*a).abs_diff(u32::from(*b)) <= 1;
    let in_a_row = chars.iter().zip(chars.iter().skip(1)).filter(|pair| step(*pair)).count();
    if in_a_row * 3 >= chars.len() * 2 {
        return Some("its characters follow one another");
    }
    WORDS.iter().any(|word| plain.contains(word)).then_some("it holds a word that everyone tries")
}

/// Whether an address leads nowhere but to this machine.
pub fn is_this_machine(host: &str) -> bool {
    let host = host.trim_matches(['[', ']']);
    host == "localhost"
        || host.ends_with(".localhost")
        || host.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}

/// What of the mail's URL lets someone on the line read or change mail; None: nothing, or the line is this machine.
pub fn why_mail_is_open(url: &str) -> Option<&'static str> {
    let parsed = url::Url::parse(url).ok().filter(|it| it.scheme() == "smtp")?;
    let required = parsed.query_pairs().any(|(name, value)| name == "tls" && value == "required");
    let foreign = parsed.host_str().is_some_and(|host| !is_this_machine(host));
    (foreign && !required).then_some(
        "mail.url: the mail server's certificate is not checked and mail may go in clear; smtps://… or smtp://…?tls=required checks it",
    )
}

/// What of the database's URL lets someone on the line stand between; None: nothing, or the line is this machine.
pub fn why_database_is_open(url: &str) -> Option<&'static str> {
    let parsed = url::Url::parse(url).ok().filter(|it| matches!(it.scheme(), "postgres" | "postgresql"))?;
    let option = |wanted: &str| {
        parsed.query_pairs().find(|(name, _)| name == wanted).map(|(_, value)| value.into_owned())
    };
    // A host in the options goes over that before the path; none, or a folder, is a socket of this machine.
    let host = option("host").or_else(|| parsed.host_str().map(str::to_owned)).unwrap_or_default();
    let foreign = host.split(',').any(|it| !it.is_empty() && !it.starts_with('/') && !is_this_machine(it));
    (foreign && option("sslmode").as_deref() != Some("verify-full")).then_some(
        "database.url: the database server's certificate is not checked; add sslmode=verify-full (and sslrootcert=FILE)",
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_that_anyone_would_guess_are_told() {
        for secret in [
            "a".repeat(64),
            "ab12".repeat(16),
            "5a".repeat(32),
            "0123456789012345678901234567890123".to_owned(),
            "0123456789abcdef0123456789abcdef".to_owned(),
            "abcdefghijklmnopqrstuvwxyz0123456789".to_owned(),
            "the secret of this office, which is long".to_owned(),
            "CHANGEME-2ce6b1f9a0d84e7793b5c8d1".to_owned(),
            "0000000000000000000000000000000000000000000000000000000000000001".to_owned(),
        ] {
            assert!(why_weak(&secret).is_some(), "{secret}");
        }
        for secret in [
            "d1f9c27a84be03561e9d4c7fb2a8053671ceb94d0f8a2e6753c1b7d94fa60e28",
            "Zk3vQp9sL1xW7eTgYb2mHc8dRj5nUa4f",
            "kfm3-xw0q/9Tz+Lb5Rj2Vn8Yc1Hd6Gs=",
        ] {
            assert_eq!(why_weak(secret), None, "{secret}");
        }
    }

    #[test]
    fn lines_that_anyone_can_listen_on_are_told() {
        for (url, open) in [
            ("smtp://mail.example.lg.jp", true),
            ("smtp://mail.example.lg.jp?tls=required", false),
            ("smtps://mail.example.lg.jp", false),
            ("smtp://127.0.0.1:2525", false),
            ("smtp://localhost", false),
            ("file:/var/mail", false),
        ] {
            assert_eq!(why_mail_is_open(url).is_some(), open, "{url}");
        }
        for (url, open) in [
            ("postgres://itaku@db.example/itaku", true),
            ("postgres://itaku@db.example/itaku?sslmode=require", true),
            ("postgres://itaku@db.example/itaku?sslmode=verify-full", false),
            ("postgresql://itaku@[::1]/itaku", false),
            ("postgres:///itaku", false),
            ("postgres:///itaku?host=/run/postgresql", false),
            ("postgres:///itaku?host=db.example", true),
            ("sqlite:itaku.db", false),
        ] {
            assert_eq!(why_database_is_open(url).is_some(), open, "{url}");
        }
    }
}
