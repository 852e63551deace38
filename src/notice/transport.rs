//! How mail leaves: to an SMTP server, or into a folder of .eml files.

use std::{
    io::{self, Write as _},
    path::{Path, PathBuf},
    time::Duration,
};

use lettre::{
    SmtpTransport, Transport as _,
    transport::smtp::{
        Error as SmtpError, SUBMISSIONS_PORT,
        authentication::Credentials,
        client::{Tls, TlsParameters},
    },
};
use url::Url;

use super::{NoticeError, folder, message::Message};

/// Why a message was not handed over. Neither text holds an address.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SendError {
    /// May succeed later: tried again by the ladder of `retry`.
    #[error("{why}")]
    Transient { why: String },
    /// Will not succeed: 不達, shown to people.
    #[error("{why}")]
    Permanent { why: String },
}

/// Where mail goes, by the mail URL.
#[derive(Debug, Clone)]
pub enum Transport {
    Smtp(SmtpTransport),
    Folder(PathBuf),
}

impl Transport {
    /// `smtp://[user:password@]host[:port]` (STARTTLS where the server offers it), `smtp://…?tls=required`
    /// (STARTTLS or nothing), `smtps://…` (TLS from the start), `file:DIRECTORY`. A password leaves this machine by the
    /// latter two only. Ports: 25, 587 with
    /// `tls=required`, 465 for smtps. User and password are percent-encoded. `timeout` is for each step of a delivery
    /// (connecting, each command).
    pub fn from_url(url: &str, timeout: Duration) -> Result<Self, NoticeError> {
        if let Some(folder) = folder::of_url(url) {
            return if folder.as_os_str().is_empty() {
                Err(NoticeError::Url("the directory is missing"))
            } else {
                Ok(Self::Folder(folder))
            };
        }
        smtp(&Url::parse(url).map_err(|_| NoticeError::Url("not a URL"))?, timeout).map(Self::Smtp)
    }

    /// Hands one message over. Blocks, at longest for a few time-outs.
    pub fn send(&self, message: &Message) -> Result<(), SendError> {
        match self {
            Self::Smtp(smtp) => smtp.send(&message.mail).map(drop).map_err(|error| classify(&error)),
            Self::Folder(folder) => write_eml(folder, message).map_err(|error| SendError::Transient {
                why: format!("the mail folder cannot be written: {}", error.kind()),
            }),
        }
    }
}

fn smtp(url: &Url, timeout: Duration) -> Result<SmtpTransport, NoticeError> {
    let host =
        url.host_str().filter(|host| !host.is_empty()).ok_or(NoticeError::Url("the host is missing"))?;
    let mut options = url.query_pairs();
    let option = options.next();
    if options.next().is_some() {
        return Err(NoticeError::Url("unknown options"));
    }
    let required = match option.as_ref().map(|(name, value)| (name.as_ref(), value.as_ref())) {
        None => false,
        Some(("tls", "required")) => true,
        Some(_) => return Err(NoticeError::Url("the only option is tls=required")),
    };
    let (port, tls) = match (url.scheme(), required) {
        ("smtps", _) => (SUBMISSIONS_PORT, Tls::Wrapper(tls_parameters(host, true)?)),
        ("smtp", true) => (587, Tls::Required(tls_parameters(host, true)?)),
        // RFC 7435: encryption that anyone on the line could strip gains nothing from a certificate's refusal,
        // and mail relays inside an office seldom have one that verifies.
        ("smtp", false) => (25, Tls::Opportunistic(tls_parameters(host, false)?)),
        _ => return Err(NoticeError::Url("unknown scheme")),
    };
    // With opportunistic TLS anyone on the line could ask for the password in clear.
    if matches!(tls, Tls::Opportunistic(_)) && !url.username().is_empty() && !is_this_machine(url) {
        return Err(NoticeError::Url("a password needs smtps:// or tls=required"));
    }
    let mut builder = SmtpTransport::builder_dangerous(host)
        .port(url.port().unwrap_or(port))
        .tls(tls)
        .timeout(Some(timeout));
    if !url.username().is_empty() {
        builder = builder.credentials(Credentials::new(
            decode(url.username())?,
            decode(url.password().unwrap_or_default())?,
        ));
    }
    Ok(builder.build())
}

/// Where there is no line.
fn is_this_machine(url: &Url) -> bool {
    match url.host_str() {
        Some("localhost") => true,
        Some(host) => host
            .trim_matches(['[', ']'])
            .parse::<std::net::IpAddr>()
            .is_ok_and(|address| address.is_loopback()),
        None => false,
    }
}

fn tls_parameters(host: &str, verified: bool) -> Result<TlsParameters, NoticeError> {
    TlsParameters::builder(host.to_owned())
        .dangerous_accept_invalid_certs(!verified)
        .dangerous_accept_invalid_hostnames(!verified)
        .build()
        .map_err(|_| NoticeError::Url("TLS is not to be had"))
}

/// Undoes the percent encoding of a URL's user or password.
fn decode(text: &str) -> Result<String, NoticeError> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        if byte == b'%' {
            let pair: Vec<u8> = rest.by_ref().take(2).collect();
            bytes.extend(hex::decode(pair).map_err(|_| NoticeError::Url("a wrong percent encoding"))?);
        } else {
            bytes.push(byte);
        }
    }
    String::from_utf8(bytes).map_err(|_| NoticeError::Url("the user or password is not UTF-8"))
}

/// 5xx speaks of the message or its recipient; everything else may pass. The server's words are left out: they
/// repeat the address.
fn classify(error: &SmtpError) -> SendError {
    let code = error.status().map(|code| u16::from(code).to_string());
    match code.as_deref() {
        // These refuse us, not the message: a password changed on the server must not lose mail.
        Some(code @ ("530" | "534" | "535" | "538")) => {
            SendError::Transient { why: format!("the SMTP server refuses our login ({code})") }
        }
        Some(code) if error.is_permanent() => {
            SendError::Permanent { why: format!("the SMTP server refuses the message ({code})") }
        }
        Some(code) => SendError::Transient { why: format!("the SMTP server asks to try later ({code})") },
        None if error.is_tls() => SendError::Transient { why: "TLS with the SMTP server fails".into() },
        None if error.is_client() => {
            SendError::Transient { why: "the SMTP server lacks what the mail URL asks for".into() }
        }
        None => SendError::Transient { why: "the SMTP server cannot be reached or does not answer".into() },
    }
}

/// One file a notice, whole or not at all; a retry writes the same file again.
fn write_eml(folder: &Path, message: &Message) -> io::Result<()> {
    folder::make(folder)?;
    let mut file = tempfile::Builder::new().prefix(".").suffix(".part").tempfile_in(folder)?;
    file.write_all(&message.bytes())?;
    file.as_file().sync_all()?;
    file.persist(folder::path_of(folder, message.notice_id))?;
    Ok(())
}

#[cfg(test)]
#[path = "transport_tests.rs"]
mod tests;
