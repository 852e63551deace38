//! The demonstration's mail, read where it lies: in its folder, as it was sent, by anyone who tries the program.

use std::path::PathBuf;

use chrono::NaiveDate;
use serde::Serialize;

use crate::db::{self, DbError};
use crate::domain::id::NoticeId;
use crate::notice::folder::{self, Letter};
use crate::service::{App, Failure, Page, Paged};

/// A mail that was sent.
#[derive(Debug, Clone, Serialize)]
pub struct LetterView {
    pub id: NoticeId,
    pub to: String,
    pub subject: String,
    /// The business day on which its notice was written; None: no notice of this database is known by it.
    pub day: Option<NaiveDate>,
    pub text: String,
}

/// The mails with the days of their notices: their own date is the machine's, which the demonstration leaves behind.
fn dated(app: &App, letters: Vec<(NoticeId, Letter)>) -> Result<Vec<LetterView>, Failure> {
    let ids: Vec<NoticeId> = letters.iter().map(|(id, _)| *id).collect();
    let days = app.db.read_one::<_, DbError>(|conn| db::notice::days(conn, &ids))?;
    let view = |(id, Letter { to, subject, text })| LetterView {
        id,
        to,
        subject,
        day: days.get(&id).copied(),
        text,
    };
    Ok(letters.into_iter().map(view).collect())
}

fn unreadable(error: &std::io::Error) -> Failure {
    Failure::Unavailable(format!("the mail folder: {}", error.kind()))
}

/// Where the mail lies; None: it goes to a server, and is read there. Outside a demonstration there is no such thing.
fn folder_of(app: &App) -> Result<Option<PathBuf>, Failure> {
    app.demo.as_ref().ok_or(Failure::NotFound)?;
    Ok(folder::of_url(&app.config.mail.url))
}

/// Everyone's mail, the last sent first. None: it does not lie here.
pub fn list(app: &App, page: &Page) -> Result<Option<Paged<LetterView>>, Failure> {
    let Some(folder) = folder_of(app)? else { return Ok(None) };
    let after = page.after_id()?;
    let ids = folder::notices(&folder).map_err(|error| unreadable(&error))?;
    let ids = ids.into_iter().filter(|id| after.is_none_or(|after: NoticeId| id.as_str() < after.as_str()));
    let mut letters = Vec::new();
    for id in ids.take(usize::try_from(page.rows()).unwrap_or(0)) {
        let letter = folder::letter(&folder, id).map_err(|error| unreadable(&error))?;
        letters.extend(letter.map(|letter| (id, letter)));
    }
    Ok(Some(Paged::cut(page, dated(app, letters)?, |letter| letter.id.to_string(), |letter| letter)))
}

/// One mail.
pub fn read(app: &App, id: NoticeId) -> Result<LetterView, Failure> {
    let folder = folder_of(app)?.ok_or(Failure::NotFound)?;
    let letter = folder::letter(&folder, id).map_err(|error| unreadable(&error))?;
    let letters = dated(app, letter.map(|letter| (id, letter)).into_iter().collect())?;
    letters.into_iter().next().ok_or(Failure::NotFound)
}
