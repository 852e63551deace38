//! What a browser sent: the head of a visit, its form, and a file that came with it, which goes to the disk as it comes.

use std::cell::{Cell, RefCell};
use std::io::Write as _;
use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Context, Poll};

use actix_multipart::{Field, Multipart};
use actix_web::HttpRequest;
use actix_web::dev::Payload;
use actix_web::error::PayloadError;
use actix_web::http::Method;
use actix_web::http::header::CONTENT_TYPE;
use actix_web::web::{self, Bytes};
use futures_util::{Stream, StreamExt as _};
use tokio::time::timeout;

use super::super::body::{Intake, Unread, declared, pass_by};
use super::door::PROOF;
use super::form::Form;
use super::own::theirs;
use super::route::PageRoute;
use super::visit::{File, Visit};

/// So much of a file is written to the disk at once.
const AT_ONCE: usize = 256 * 1024;

/// A visit as its head tells it.
pub fn head(request: &HttpRequest, route: &PageRoute) -> Visit {
    let path = request.match_info().iter().map(|(k, v)| (k.to_owned(), v.to_owned())).collect();
    let query = url::form_urlencoded::parse(request.query_string().as_bytes()).into_owned();
    let query = query.map(|(name, value)| (name, theirs(value))).collect();
    let address = request.uri().path_and_query().map_or("/", |whole| whole.as_str()).to_owned();
    let is_sent = request.method() == Method::POST;
    Visit { address, is_sent, can_return: route.can_return, path, query, ..Visit::default() }
}

fn kind(request: &HttpRequest) -> &str {
    request.headers().get(CONTENT_TYPE).and_then(|v| v.to_str().ok()).unwrap_or_default()
}

/// Whether a file may come with the form.
pub fn is_multipart(request: &HttpRequest) -> bool {
    kind(request).starts_with("multipart/form-data")
}

/// The form that a body is.
pub fn form(request: &HttpRequest, body: &Bytes) -> Result<Form, Unread> {
    if body.is_empty() {
        return Ok(Form::default());
    }
    if !kind(request).starts_with("application/x-www-form-urlencoded") {
        return Err(Unread::Broken);
    }
    Ok(Form::read(url::form_urlencoded::parse(body).into_owned()))
}

/// The fields of a form that brings a file, and the file. Before its form has been `proven` ours no file is taken in.
/// Of what is too large the rest is read and forgotten: a browser that is still sending would not hear the answer.
pub async fn with_file(
    intake: &Intake,
    request: &HttpRequest,
    payload: Payload,
    proven: impl Fn(&str) -> bool,
) -> Result<(Form, Option<File>), Unread> {
    let bounds = &intake.bounds;
    let _place = intake.place_to_arrive().await?;
    let payload = Rc::new(RefCell::new(payload));
    let seen = Rc::new(Cell::new(0_usize));
    let mut read = Err(Unread::TooLarge(bounds.file));
    if declared(request.headers()).is_none_or(|length| length <= bounds.file) {
        let counted = Counted { payload: Rc::clone(&payload), seen: Rc::clone(&seen), most: bounds.file };
        let parts = Multipart::new(request.headers(), counted);
        let taken = timeout(bounds.within, parts_of(parts, bounds.file_fields, proven)).await;
        read = taken.unwrap_or(Err(Unread::Late(bounds.within)));
    }
    if matches!(read, Err(Unread::TooLarge(_) | Unread::Broken)) {
        // As much as a few files of the largest size.
        let mut rest = Payload::take(&mut payload.borrow_mut());
        let passed = pass_by(&mut rest, bounds.file.saturating_mul(5), bounds.within).await;
        if seen.get().saturating_add(passed) > bounds.file {
            read = Err(Unread::TooLarge(bounds.file));
        }
    }
    read
}

async fn parts_of(
    mut parts: Multipart,
    most_of_fields: usize,
    proven: impl Fn(&str) -> bool,
) -> Result<(Form, Option<File>), Unread> {
    let (mut fields, mut file, mut left) = (Vec::new(), None, most_of_fields);
    while let Some(part) = parts.next().await {
        let mut part = part.map_err(|_| Unread::Broken)?;
        let about = part.content_disposition().ok_or(Unread::Broken)?.clone();
        match about.get_filename() {
            // No file was chosen: its place is empty.
            Some("") => while part.next().await.is_some_and(|chunk| chunk.is_ok()) {},
            Some(name) => {
                let is_ours = |(field, text): &(String, String)| field == PROOF && proven(text);
                if !fields.iter().any(is_ours) {
                    // The guard says so: there is no proof.
                    return Ok((Form::default(), None));
                }
                let (spool, size) = spooled(&mut part).await?;
                file = Some(File { name: theirs(name.to_owned()), size, spool });
            }
            None => {
                let mut text = Vec::new();
                while let Some(chunk) = part.next().await {
                    let chunk = chunk.map_err(|_| Unread::Broken)?;
                    left = left.checked_sub(chunk.len()).ok_or(Unread::Broken)?;
                    text.extend_from_slice(&chunk);
                }
                let name = about.get_name().ok_or(Unread::Broken)?.to_owned();
                fields.push((name, String::from_utf8(text).map_err(|_| Unread::Broken)?));
            }
        }
    }
    Ok((Form::read(fields), file))
}

/// Writes a part to the disk as it comes: the file, and its size.
async fn spooled(part: &mut Field) -> Result<(Arc<std::fs::File>, usize), Unread> {
    let full = |error: std::io::Error| {
        tracing::error!(why = %error, "a file that was sent could not be kept");
        Unread::Crowded
    };
    let spool = web::block(tempfile::tempfile).await.map_err(|_| Unread::Crowded)?.map_err(full)?;
    let spool = Arc::new(spool);
    let (mut size, mut some) = (0, Vec::new());
    loop {
        let chunk = part.next().await.transpose().map_err(|_| Unread::Broken)?;
        let is_last = chunk.is_none();
        some.extend_from_slice(&chunk.unwrap_or_default());
        if some.len() < AT_ONCE && !is_last {
            continue;
        }
        size += some.len();
        let (to, written) = (Arc::clone(&spool), std::mem::take(&mut some));
        web::block(move || to.as_ref().write_all(&written))
            .await
            .map_err(|_| Unread::Crowded)?
            .map_err(full)?;
        if is_last {
            return Ok((spool, size));
        }
    }
}

/// A payload that is counted, and ends with an error where it is longer than it may be.
struct Counted {
    payload: Rc<RefCell<Payload>>,
    seen: Rc<Cell<usize>>,
    most: usize,
}

impl Stream for Counted {
    type Item = Result<Bytes, PayloadError>;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let next = Pin::new(&mut *self.payload.borrow_mut()).poll_next(cx);
        if let Poll::Ready(Some(Ok(chunk))) = &next {
            self.seen.set(self.seen.get().saturating_add(chunk.len()));
            if self.seen.get() > self.most {
                return Poll::Ready(Some(Err(PayloadError::Overflow)));
            }
        }
        next
    }
}
