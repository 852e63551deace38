//! The mail itself: one recipient, plain text with HTML beside it, the same bytes at every attempt.

use std::time::SystemTime;

use lettre::{
    Address,
    message::{
        Mailbox, MultiPart, SinglePart,
        header::{ContentType, Header, HeaderName, HeaderValue},
    },
};

use super::{NoticeError, NoticeKind, render::Rendered};
use crate::domain::{contract::Instant, id::NoticeId};

/// Whom mail comes from: `Name <address>` or a bare address.
#[derive(Debug, Clone)]
pub struct Sender(Mailbox);

impl Sender {
    pub fn parse(text: &str) -> Result<Self, NoticeError> {
        refuse_controls("From", text)?;
        let mailbox: Mailbox = text.parse().map_err(|_| NoticeError::Address("From"))?;
        if mailbox.email.to_string().is_ascii() {
            Ok(Self(mailbox))
        } else {
            Err(NoticeError::Address("From"))
        }
    }
}

/// A message ready to be handed over.
#[derive(Debug, Clone)]
pub struct Message {
    pub(super) notice_id: NoticeId,
    pub(super) mail: lettre::Message,
}

impl Message {
    /// Builds the mail. `date` is the instant of the notice, not of the attempt: then retries are alike.
    /// Addresses are ASCII; anything else, and any control character in a header, is refused.
    pub fn build(
        notice_id: NoticeId,
        kind: NoticeKind,
        from: &Sender,
        to: &str,
        date: Instant,
        content: &Rendered,
    ) -> Result<Self, NoticeError> {
        let from = &from.0;
        refuse_controls("To", to)?;
        refuse_controls("Subject", &content.subject)?;
        let to: Address = Some(to)
            .filter(|to| to.is_ascii())
            .and_then(|to| to.parse().ok())
            .ok_or(NoticeError::Address("To"))?;
        let message_id = format!("<{notice_id}@{}>", from.email.domain());
        let bodies = MultiPart::alternative()
            .boundary(format!("itaku-{notice_id}"))
            .singlepart(SinglePart::builder().header(ContentType::TEXT_PLAIN).body(content.text.clone()))
            .singlepart(SinglePart::builder().header(ContentType::TEXT_HTML).body(content.html.clone()));
        let mail = lettre::Message::builder()
            .from(from.clone())
            .to(Mailbox::new(None, to))
            .date(SystemTime::from(date))
            .message_id(Some(message_id))
            .subject(content.subject.clone())
            .header(AutoSubmitted)
            .header(NoticeHeader(notice_id.to_string()))
            .header(KindHeader(kind.as_str().to_owned()))
            .multipart(bodies)
            .map_err(|error| NoticeError::Message(error.to_string()))?;
        Ok(Self { notice_id, mail })
    }

    /// The bytes that go over the line or into the file.
    pub fn bytes(&self) -> Vec<u8> {
        self.mail.formatted()
    }
}

fn refuse_controls(header: &'static str, value: &str) -> Result<(), NoticeError> {
    if value.contains(|c: char| c.is_control() || c == '\u{2028}' || c == '\u{2029}') {
        Err(NoticeError::Header(header))
    } else {
        Ok(())
    }
}

macro_rules! header {
    ($name:ident, $text:literal) => {
        #[derive(Clone)]
        struct $name(String);
        impl Header for $name {
            fn name() -> HeaderName {
                HeaderName::new_from_ascii_str($text)
            }
            fn parse(text: &str) -> Result<Self, Box<dyn std::error::Error + Send + Sync>> {
                Ok(Self(text.to_owned()))
            }
            fn display(&self) -> HeaderValue {
                HeaderValue::new(Self::name(), self.0.clone())
            }
        }
    };
}

header!(NoticeHeader, "X-Itaku-Notice");
header!(KindHeader, "X-Itaku-Kind");

/// RFC 3834: no one's vacation responder answers.
#[derive(Clone)]
struct AutoSubmitted;

impl Header for AutoSubmitted {
    fn name() -> HeaderName {
        HeaderName::new_from_ascii_str("Auto-Submitted")
    }
    fn parse(_: &str) -> Result<Self, Box<dyn std::error::Error + Send + Sync>> {
        Ok(Self)
    }
    fn display(&self) -> HeaderValue {
        HeaderValue::new(Self::name(), "auto-generated".to_owned())
    }
}

#[cfg(test)]
pub(super) mod tests {
    use mailparse::MailHeaderMap as _;

    use super::*;
    use crate::domain::id::Id;

    pub fn notice_id() -> NoticeId {
        Id::from_uuid(uuid::Uuid::from_u128(0x0190_0000_0000_7000_8000_0000_0000_00e1))
    }

    pub fn content(subject: &str) -> Rendered {
        Rendered {
            subject: subject.into(),
            text: "ご担当者様\n本文です。\n.\n".into(),
            html: "<p>本文です。</p>".into(),
        }
    }

    pub fn build(to: &str, subject: &str) -> Result<Message, NoticeError> {
        let from = Sender::parse("再委託管理台帳 <itaku@example.lg.jp>").unwrap();
        let date = "2026-11-10T00:00:00.5Z".parse().unwrap();
        Message::build(notice_id(), NoticeKind::AuditDue, &from, to, date, &content(subject))
    }

    #[test]
    fn the_mail_is_as_the_contract_says() {
        let subject = "【再委託管理台帳】重大：承認未確認の再委託（契約番号 令和8年度-第12345号 ）とても長い件名の続きがここにあります";
        let message = build("tanto@example.lg.jp", subject).unwrap();
        assert_eq!(message.bytes(), build("tanto@example.lg.jp", subject).unwrap().bytes());
        let bytes = message.bytes();
        assert!(bytes.is_ascii());
        let mail = mailparse::parse_mail(&bytes).unwrap();
        let header = |name| mail.headers.get_all_values(name).join("|");
        assert_eq!(header("To"), "tanto@example.lg.jp");
        assert_eq!(header("Cc") + &header("Bcc"), "");
        assert_eq!(header("Subject"), subject);
        assert_eq!(header("From"), "再委託管理台帳 <itaku@example.lg.jp>");
        assert_eq!(header("Auto-Submitted"), "auto-generated");
        assert_eq!(header("Message-ID"), format!("<{}@example.lg.jp>", notice_id()));
        assert_eq!(header("X-Itaku-Notice"), notice_id().to_string());
        assert_eq!(header("X-Itaku-Kind"), "audit_due");
        assert_eq!(header("Date"), "Tue, 10 Nov 2026 00:00:00 +0000");
        assert_eq!(mail.ctype.mimetype, "multipart/alternative");
        let parts: Vec<_> = mail
            .subparts
            .iter()
            .map(|part| (part.ctype.mimetype.as_str(), part.ctype.charset.as_str()))
            .collect();
        assert_eq!(parts, [("text/plain", "utf-8"), ("text/html", "utf-8")]);
        let text = mail.subparts[0].get_body().unwrap().replace("\r\n", "\n");
        assert_eq!(text.trim_end(), content("").text.trim_end());
    }

    #[test]
    fn nothing_typed_becomes_a_header_or_a_second_recipient() {
        for bad in ["件名\r\nBcc: x@example.com", "件名\nX: y", "件名\0", "件名\u{2028}Bcc: x"] {
            assert!(matches!(build("a@example.lg.jp", bad), Err(NoticeError::Header("Subject"))), "{bad:?}");
        }
        for bad in ["a@example.lg.jp\r\nBcc: x@example.com", "a@example.lg.jp\n"] {
            assert!(matches!(build(bad, "件名"), Err(NoticeError::Header("To"))), "{bad:?}");
        }
        for bad in [
            "",
            "a",
            "a@",
            "a@b@c",
            "a@example.jp, b@example.jp",
            "A <a@example.jp>",
            "担当@example.jp",
            "a b@example.jp",
        ] {
            let error = build(bad, "件名").unwrap_err();
            assert!(matches!(error, NoticeError::Address("To")), "{bad:?}");
            assert!(bad.is_empty() || !error.to_string().contains(bad) || bad == "a");
        }
        assert!(Sender::parse("名\r\nBcc: x@example.com <a@example.jp>").is_err());
        assert!(Sender::parse("名だけ").is_err());
    }
}
