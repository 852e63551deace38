//! The folder in which mail lies as .eml files, one a notice: where each lies, and what it says when it is read back.

use std::path::{Path, PathBuf};
use std::{fs, io};

use mailparse::{MailHeaderMap as _, ParsedMail};

use crate::domain::id::NoticeId;

/// Larger ones are none of ours.
const LARGEST: u64 = 4 * 1024 * 1024;

/// The folder of a mail URL `file:DIRECTORY`; None: the mail goes to a server.
pub fn of_url(url: &str) -> Option<PathBuf> {
    let folder = url.strip_prefix("file:")?;
    Some(PathBuf::from(folder.strip_prefix("//").unwrap_or(folder)))
}

/// Makes the folder where there is none, for its owner alone: the mails in it tell of people. Each is a file of its
/// owner's alone as well.
pub fn make(folder: &Path) -> io::Result<()> {
    use std::os::unix::fs::DirBuilderExt as _;
    fs::DirBuilder::new().recursive(true).mode(0o700).create(folder)
}

/// Where a notice's mail lies.
pub fn path_of(folder: &Path, id: NoticeId) -> PathBuf {
    folder.join(format!("{id}.eml"))
}

/// A mail as it was sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Letter {
    pub to: String,
    pub subject: String,
    /// The plain text.
    pub text: String,
}

/// The notices whose mail lies in the folder, the last one made first. What is not named like a notice is not ours.
pub fn notices(folder: &Path) -> io::Result<Vec<NoticeId>> {
    let entries = match fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(error),
    };
    let mut found: Vec<NoticeId> = Vec::new();
    for entry in entries {
        let name = entry?.file_name();
        let id = name.to_str().and_then(|name| name.strip_suffix(".eml"));
        found.extend(id.and_then(|id| id.parse::<NoticeId>().ok()));
    }
    // The identifiers begin with the time at which they were made.
    found.sort_unstable_by(|a, b| b.as_str().cmp(a.as_str()));
    Ok(found)
}

/// The mail of a notice; None: there is none, or it is no mail.
pub fn letter(folder: &Path, id: NoticeId) -> io::Result<Option<Letter>> {
    let path = path_of(folder, id);
    let bytes = match fs::symlink_metadata(&path) {
        // A link could lead out of the folder.
        Ok(about) if about.is_file() && about.len() <= LARGEST => fs::read(&path)?,
        Ok(_) => return Ok(None),
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error),
    };
    Ok(mailparse::parse_mail(&bytes).ok().and_then(|mail| read(&mail)))
}

fn read(mail: &ParsedMail<'_>) -> Option<Letter> {
    let header = |name| mail.headers.get_first_value(name);
    let text = mail.parts().find(|part| part.ctype.mimetype == "text/plain")?.get_body().ok()?;
    Some(Letter {
        to: header("To")?,
        subject: header("Subject").unwrap_or_default(),
        text: text.replace("\r\n", "\n"),
    })
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::super::message::tests::{build, notice_id};
    use super::super::transport::Transport;
    use super::*;
    use crate::domain::id::Id;

    #[test]
    fn what_was_sent_into_the_folder_is_read_back() {
        let folder = tempfile::tempdir().unwrap();
        let transport =
            Transport::from_url(&format!("file:{}", folder.path().display()), Duration::from_secs(1))
                .unwrap();
        let subject =
            "【再委託管理台帳】重大：承認未確認の再委託（契約番号 令和8年度-第12345号 ）とても長い件名";
        transport.send(&build("tanto@example.lg.jp", subject).unwrap()).unwrap();
        assert_eq!(notices(folder.path()).unwrap(), [notice_id()]);
        let letter = letter(folder.path(), notice_id()).unwrap().unwrap();
        assert_eq!((letter.to.as_str(), letter.subject.as_str()), ("tanto@example.lg.jp", subject));
        assert_eq!(letter.text.trim_end(), "ご担当者様\n本文です。\n.");
    }

    #[test]
    fn nothing_but_mail_of_ours_is_read() {
        let folder = tempfile::tempdir().unwrap();
        assert_eq!(notices(&folder.path().join("none")).unwrap(), []);
        let elsewhere = folder.path().join("secret");
        fs::write(&elsewhere, "Subject: x\r\nTo: y\r\n\r\nz").unwrap();
        fs::write(folder.path().join("x.eml"), "").unwrap();
        fs::write(folder.path().join(".part"), "").unwrap();
        std::os::unix::fs::symlink(&elsewhere, path_of(folder.path(), notice_id())).unwrap();
        assert_eq!(letter(folder.path(), notice_id()).unwrap(), None);
        assert_eq!(letter(folder.path(), Id::from_uuid(uuid::Uuid::from_u128(1))).unwrap(), None);
        let empty = Id::from_uuid(uuid::Uuid::from_u128(2));
        fs::write(path_of(folder.path(), empty), "").unwrap();
        assert_eq!(letter(folder.path(), empty).unwrap(), None);
        assert_eq!(notices(folder.path()).unwrap(), [notice_id(), empty]);
    }

    #[test]
    fn a_folder_is_told_from_a_server() {
        assert_eq!(of_url("file:/tmp/x"), Some("/tmp/x".into()));
        assert_eq!(of_url("file:///tmp/x"), Some("/tmp/x".into()));
        assert_eq!(of_url("smtp://localhost"), None);
    }
}
