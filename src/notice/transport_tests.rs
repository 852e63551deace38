//! Against small servers on the loopback that do what servers do.

use std::{
    fs,
    io::{BufRead as _, BufReader},
    net::{TcpListener, TcpStream},
    sync::mpsc,
    thread,
};

use mailparse::MailHeaderMap as _;

use super::*;
use crate::notice::message::tests::{build, notice_id};

const TIMEOUT: Duration = Duration::from_secs(20);

/// How a server answers at RCPT, by connection; the rest of the conversation is friendly.
#[derive(Clone, Copy)]
enum At {
    Rcpt(&'static str),
    Greeting(&'static str),
    Auth(&'static str),
    /// The line is dropped after the message was taken, before the answer.
    DropAfterData,
    Hang,
}

/// Serves one connection per script; gives the URL's authority and what came in.
fn server(scripts: Vec<At>) -> (String, mpsc::Receiver<Vec<String>>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let authority = listener.local_addr().unwrap().to_string();
    let (sent, received) = mpsc::channel();
    thread::spawn(move || {
        for script in scripts {
            let (stream, _) = listener.accept().unwrap();
            sent.send(converse(stream, script).unwrap_or_default()).unwrap_or_default();
        }
    });
    (authority, received)
}

fn converse(mut stream: TcpStream, script: At) -> io::Result<Vec<String>> {
    let mut lines = Vec::new();
    let mut reader = BufReader::new(stream.try_clone()?);
    let greeting = match script {
        At::Hang => {
            thread::sleep(Duration::from_secs(5));
            return Ok(lines);
        }
        At::Greeting(answer) => answer,
        _ => "220 test.invalid",
    };
    let mut say = |text: &str| stream.write_all(format!("{text}\r\n").as_bytes());
    say(greeting)?;
    let mut in_data = false;
    loop {
        let mut line = String::new();
        if reader.read_line(&mut line)? == 0 {
            return Ok(lines);
        }
        let line = line.trim_end().to_owned();
        lines.push(line.clone());
        let word = line.split([' ', ':']).next().unwrap_or_default().to_ascii_uppercase();
        match word.as_str() {
            _ if in_data => {
                if line == "." {
                    if matches!(script, At::DropAfterData) {
                        return Ok(lines);
                    }
                    in_data = false;
                    say("250 taken")?;
                }
            }
            "EHLO" => say("250-test.invalid\r\n250-AUTH PLAIN\r\n250 8BITMIME")?,
            "AUTH" => say(if let At::Auth(answer) = script { answer } else { "235 in" })?,
            "RCPT" => say(if let At::Rcpt(answer) = script { answer } else { "250 ok" })?,
            "DATA" => {
                in_data = true;
                say("354 go on")?;
            }
            "QUIT" => {
                say("221 bye")?;
                return Ok(lines);
            }
            _ => say("250 ok")?,
        }
    }
}

fn transport(authority: &str) -> Transport {
    Transport::from_url(&format!("smtp://{authority}"), Duration::from_millis(500)).unwrap()
}

fn send(transport: &Transport) -> Result<(), SendError> {
    transport.send(&build("tanto@example.lg.jp", "件名").unwrap())
}

#[test]
fn a_451_is_transient_and_the_next_attempt_delivers_the_same_message() {
    let (authority, received) = server(vec![At::Rcpt("451 later tanto@example.lg.jp"), At::Rcpt("250 ok")]);
    let transport = transport(&authority);
    let error = send(&transport).unwrap_err();
    assert_eq!(error, SendError::Transient { why: "the SMTP server asks to try later (451)".into() });
    assert_eq!(send(&transport), Ok(()));
    drop(transport);
    received.recv().unwrap();
    let lines = received.recv().unwrap();
    assert!(lines.contains(&"RCPT TO:<tanto@example.lg.jp>".to_owned()));
    assert_eq!(lines.iter().filter(|line| line.starts_with("RCPT")).count(), 1);
    assert!(lines.contains(&format!("Message-ID: <{}@example.lg.jp>", notice_id())), "{lines:?}");
}

#[test]
fn a_550_is_permanent_and_says_no_address() {
    let (authority, _received) = server(vec![At::Rcpt("550 no such user tanto@example.lg.jp")]);
    let error = send(&transport(&authority)).unwrap_err();
    assert_eq!(error, SendError::Permanent { why: "the SMTP server refuses the message (550)".into() });
}

#[test]
fn silence_refusal_and_a_dropped_line_are_transient() {
    for script in [At::Hang, At::DropAfterData, At::Greeting("421 busy")] {
        let (authority, _received) = server(vec![script]);
        assert!(matches!(send(&transport(&authority)), Err(SendError::Transient { .. })));
    }
    let unused = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    assert!(matches!(send(&transport(&unused.to_string())), Err(SendError::Transient { .. })));
}

#[test]
fn a_login_refused_is_our_trouble_and_passwords_are_decoded() {
    let (authority, received) = server(vec![At::Auth("535 wrong"), At::Rcpt("250 ok")]);
    let url = format!("smtp://itaku:p%40ss%3A@{authority}");
    let transport = Transport::from_url(&url, Duration::from_millis(500)).unwrap();
    assert!(matches!(send(&transport), Err(SendError::Transient { .. })));
    assert_eq!(send(&transport), Ok(()));
    drop(transport);
    received.recv().unwrap();
    // base64 of NUL itaku NUL p@ss:
    assert!(received.recv().unwrap().contains(&"AUTH PLAIN AGl0YWt1AHBAc3M6".to_owned()));
}

#[test]
fn tls_required_sends_nothing_without_it() {
    let (authority, received) = server(vec![At::Rcpt("250 ok")]);
    let url = format!("smtp://{authority}?tls=required");
    let transport = Transport::from_url(&url, Duration::from_millis(500)).unwrap();
    assert!(matches!(send(&transport), Err(SendError::Transient { .. })));
    drop(transport);
    assert!(!received.recv().unwrap().iter().any(|line| line.starts_with("MAIL")));
}

#[test]
fn a_folder_gets_one_whole_file_a_notice() {
    let folder = tempfile::tempdir().unwrap();
    let inner = folder.path().join("a/b");
    let transport = Transport::from_url(&format!("file:{}", inner.display()), TIMEOUT).unwrap();
    send(&transport).unwrap();
    send(&transport).unwrap();
    let files: Vec<_> = fs::read_dir(&inner).unwrap().map(|file| file.unwrap().file_name()).collect();
    assert_eq!(files, [format!("{}.eml", notice_id()).as_str()]);
    let bytes = fs::read(inner.join(&files[0])).unwrap();
    let mail = mailparse::parse_mail(&bytes).unwrap();
    assert_eq!(mail.headers.get_first_value("Subject").unwrap(), "件名");
    assert!(mail.subparts[0].get_body().unwrap().contains("本文です。"));
    fs::remove_dir_all(&inner).unwrap();
    fs::write(&inner, "a file is in the way").unwrap();
    assert!(matches!(send(&transport), Err(SendError::Transient { .. })));
}

#[test]
fn wrong_urls_are_refused_without_repeating_them() {
    for url in [
        "",
        "mail.example.jp",
        "http://example.jp",
        "smtp://",
        "file:",
        "smtp://a:se%zzcret@example.jp",
        "smtp://a:secret@example.jp?tls=maybe",
        "smtp://a:secret@example.jp?tls=required&x=1",
        "smtp://a:secret@mail.example.jp",
        "smtp://a:secret@192.0.2.1:587",
    ] {
        let error = Transport::from_url(url, TIMEOUT).unwrap_err();
        assert!(matches!(error, NoticeError::Url(_)), "{url}");
        assert!(!error.to_string().contains("cret"));
    }
    for url in
        ["smtps://user:pass@example.jp", "smtp://user:pass@example.jp?tls=required", "smtp://example.jp"]
    {
        assert!(Transport::from_url(url, TIMEOUT).is_ok(), "{url}");
    }
}
