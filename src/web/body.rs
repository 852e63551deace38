//! Bodies of requests: taken in as they were sent, never unpacked, only once it is known who sends them, each within a
//! length and a time, and all of them together within a bound. What a stranger may keep in memory is a small, fixed
//! amount, however many of them there are.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv4Addr};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use actix_web::HttpRequest;
use actix_web::dev::Payload;
use actix_web::http::header::{CONTENT_ENCODING, CONTENT_LENGTH, HeaderMap};
use actix_web::web::{Bytes, BytesMut};
use futures_util::StreamExt as _;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::timeout;

use crate::domain::id::UserId;

const KIB: usize = 1024;
const MIB: usize = 1024 * KIB;

/// How much is taken in. The defaults are those of docs/operations.md, "Limits"; tests make them small.
#[derive(Debug, Clone)]
pub struct Bounds {
    /// A body of someone who is signed in, in bytes.
    pub body: usize,
    /// A body to the API of someone who is not: a login, a token, a passkey's answer.
    pub stranger: usize,
    /// A form of someone who is not: what was typed waits in it for the login.
    pub stranger_form: usize,
    /// A form that brings a file: a file of 20 MiB and its fields.
    pub file: usize,
    /// Its fields alone.
    pub file_fields: usize,
    /// How long a body may take to arrive: a megabyte over the slowest line in use.
    pub within: Duration,
    /// How long that of a stranger may.
    pub stranger_within: Duration,
    /// Bytes that may have arrived of bodies that are not whole yet: of strangers, and of people signed in.
    pub strangers_arriving: Share,
    pub arriving: Share,
    /// Bytes of whole bodies that may be worked on, times [`GROWTH`]: of strangers, and of people signed in.
    pub strangers_worked: usize,
    pub worked: usize,
    /// Files that may be on their way to the disk.
    pub files_arriving: usize,
    /// Files that may be worked on.
    pub files_worked: usize,
    /// How long one waits for a place before being told to come again.
    pub patience: Duration,
}

/// A bound of all, and of each.
#[derive(Debug, Clone, Copy)]
pub struct Share {
    pub all: usize,
    pub each: usize,
}

/// A body read as JSON or as a form takes at most so many times its own length.
const GROWTH: usize = 16;

impl Default for Bounds {
    fn default() -> Self {
        Self {
            body: MIB,
            stranger: 64 * KIB,
            stranger_form: 256 * KIB,
            file: 21 * MIB,
            file_fields: 64 * KIB,
            within: Duration::from_mins(1),
            stranger_within: Duration::from_secs(15),
            strangers_arriving: Share { all: 8 * MIB, each: MIB },
            arriving: Share { all: 16 * MIB, each: 4 * MIB },
            strangers_worked: 16 * MIB,
            worked: 48 * MIB,
            files_arriving: 8,
            files_worked: 2,
            patience: Duration::from_secs(5),
        }
    }
}

/// Whose a body is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Sender {
    Stranger(IpAddr),
    Known(UserId),
}

impl Sender {
    /// Someone without a session, by the address that is nearest to them.
    pub fn stranger(address: Option<IpAddr>) -> Self {
        Self::Stranger(address.unwrap_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED)))
    }
}

/// Why a body was not taken in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unread {
    /// It says that it is compressed.
    Encoded,
    /// Longer than so many bytes.
    TooLarge(usize),
    /// Not whole within this time.
    Late(Duration),
    /// Broken off, or none of the form it says it has.
    Broken,
    /// Too much is on its way already.
    Crowded,
}

/// A whole body. Its place is free again when it is dropped.
#[derive(Debug, Default)]
pub struct Body {
    pub bytes: Bytes,
    _place: Option<OwnedSemaphorePermit>,
}

/// Where bodies are taken in.
pub struct Intake {
    pub bounds: Bounds,
    arriving: Mutex<Arriving>,
    strangers_worked: Arc<Semaphore>,
    worked: Arc<Semaphore>,
    files_arriving: Arc<Semaphore>,
    files_worked: Arc<Semaphore>,
}

/// Bytes of bodies that are not whole yet.
#[derive(Default)]
struct Arriving {
    strangers: usize,
    known: usize,
    each: HashMap<Sender, usize>,
}

/// A body that says nothing of how it is encoded, or that it is as it is. Anything else is not looked at: what unpacks
/// to a thousand times its length must not be unpacked for anyone.
pub fn refuse_encoded(headers: &HeaderMap) -> Result<(), Unread> {
    let mut given = headers.get_all(CONTENT_ENCODING);
    let plain = given.all(|value| {
        let mut codings = value.as_bytes().split(|byte| *byte == b',').map(<[u8]>::trim_ascii);
        codings.all(|coding| coding.is_empty() || coding.eq_ignore_ascii_case(b"identity"))
    });
    if plain { Ok(()) } else { Err(Unread::Encoded) }
}

/// How long the body is, as it says itself.
pub fn declared(headers: &HeaderMap) -> Option<usize> {
    headers.get(CONTENT_LENGTH)?.to_str().ok()?.parse().ok()
}

impl Intake {
    pub fn new(bounds: Bounds) -> Self {
        let places = |bytes: usize| Arc::new(Semaphore::new(bytes.div_ceil(KIB)));
        Self {
            arriving: Mutex::default(),
            strangers_worked: places(bounds.strangers_worked),
            worked: places(bounds.worked),
            files_arriving: Arc::new(Semaphore::new(bounds.files_arriving)),
            files_worked: Arc::new(Semaphore::new(bounds.files_worked)),
            bounds,
        }
    }

    /// Takes a body in, of at most `limit` bytes.
    pub async fn take(
        &self,
        request: &HttpRequest,
        payload: &mut Payload,
        sender: Sender,
        limit: usize,
    ) -> Result<Body, Unread> {
        if matches!(payload, Payload::None) {
            return Ok(Body::default());
        }
        if declared(request.headers()).is_some_and(|length| length > limit) {
            return Err(Unread::TooLarge(limit));
        }
        let mut held = Held { intake: self, sender, bytes: 0 };
        let within = self.within(sender);
        let bytes =
            timeout(within, whole(payload, limit, &mut held)).await.map_err(|_| Unread::Late(within))??;
        let place = self.place_to_work(sender, bytes.len()).await?;
        Ok(Body { bytes, _place: Some(place) })
    }

    fn within(&self, sender: Sender) -> Duration {
        match sender {
            Sender::Stranger(_) => self.bounds.stranger_within,
            Sender::Known(_) => self.bounds.within,
        }
    }

    async fn place_to_work(&self, sender: Sender, bytes: usize) -> Result<OwnedSemaphorePermit, Unread> {
        let (places, all) = match sender {
            Sender::Stranger(_) => (&self.strangers_worked, self.bounds.strangers_worked),
            Sender::Known(_) => (&self.worked, self.bounds.worked),
        };
        // One that alone is more than all may work alone.
        let needed = bytes.saturating_mul(GROWTH).min(all).div_ceil(KIB);
        let needed = u32::try_from(needed).unwrap_or(u32::MAX);
        let place = timeout(self.bounds.patience, Arc::clone(places).acquire_many_owned(needed)).await;
        place.ok().and_then(Result::ok).ok_or(Unread::Crowded)
    }

    /// A place for a file on its way to the disk.
    pub async fn place_to_arrive(&self) -> Result<OwnedSemaphorePermit, Unread> {
        self.waited(&self.files_arriving).await
    }

    /// A place for the work on a file.
    pub async fn place_for_a_file(&self) -> Result<OwnedSemaphorePermit, Unread> {
        self.waited(&self.files_worked).await
    }

    async fn waited(&self, places: &Arc<Semaphore>) -> Result<OwnedSemaphorePermit, Unread> {
        let place = timeout(self.bounds.patience, Arc::clone(places).acquire_owned()).await;
        place.ok().and_then(Result::ok).ok_or(Unread::Crowded)
    }
}

async fn whole(payload: &mut Payload, limit: usize, held: &mut Held<'_>) -> Result<Bytes, Unread> {
    let mut first = Bytes::new();
    let mut more = BytesMut::new();
    while let Some(chunk) = payload.next().await {
        let chunk = chunk.map_err(|_| Unread::Broken)?;
        if first.len() + more.len() + chunk.len() > limit {
            return Err(Unread::TooLarge(limit));
        }
        held.grow(chunk.len())?;
        if first.is_empty() {
            first = chunk;
        } else {
            more.extend_from_slice(&chunk);
        }
    }
    if more.is_empty() {
        return Ok(first);
    }
    let mut whole = BytesMut::with_capacity(first.len() + more.len());
    whole.extend_from_slice(&first);
    whole.extend_from_slice(&more);
    Ok(whole.freeze())
}

/// What has arrived of one body, given back when it is whole or given up.
struct Held<'a> {
    intake: &'a Intake,
    sender: Sender,
    bytes: usize,
}

impl Held<'_> {
    fn grow(&mut self, by: usize) -> Result<(), Unread> {
        let mut arriving = self.intake.arriving.lock().unwrap_or_else(PoisonError::into_inner);
        let bounds = &self.intake.bounds;
        let (all, share) = match self.sender {
            Sender::Stranger(_) => (arriving.strangers, bounds.strangers_arriving),
            Sender::Known(_) => (arriving.known, bounds.arriving),
        };
        let own = arriving.each.get(&self.sender).copied().unwrap_or_default();
        if all + by > share.all || own + by > share.each {
            return Err(Unread::Crowded);
        }
        arriving.put(self.sender, all + by, own + by);
        self.bytes += by;
        Ok(())
    }
}

impl Drop for Held<'_> {
    fn drop(&mut self) {
        let mut arriving = self.intake.arriving.lock().unwrap_or_else(PoisonError::into_inner);
        let all = match self.sender {
            Sender::Stranger(_) => arriving.strangers,
            Sender::Known(_) => arriving.known,
        };
        let own = arriving.each.get(&self.sender).copied().unwrap_or_default();
        arriving.put(self.sender, all.saturating_sub(self.bytes), own.saturating_sub(self.bytes));
    }
}

impl Arriving {
    fn put(&mut self, sender: Sender, all: usize, own: usize) {
        match sender {
            Sender::Stranger(_) => self.strangers = all,
            Sender::Known(_) => self.known = all,
        }
        if own == 0 {
            self.each.remove(&sender);
        } else {
            self.each.insert(sender, own);
        }
    }
}

/// Reads and forgets, up to `most` bytes: a browser that is still sending would not hear the answer. Answers how much.
pub async fn pass_by(payload: &mut Payload, most: usize, within: Duration) -> usize {
    let mut read = 0_usize;
    let past = timeout(within, async {
        while let Some(Ok(chunk)) = payload.next().await {
            read = read.saturating_add(chunk.len());
            if read > most {
                return;
            }
        }
    });
    // Whoever has not sent it by then hears nothing.
    past.await.ok();
    read
}

#[cfg(test)]
mod tests {
    use actix_web::error::PayloadError;
    use actix_web::http::header::{HeaderName, HeaderValue};
    use actix_web::test::TestRequest;
    use futures_util::stream;

    use super::*;

    fn small() -> Bounds {
        Bounds {
            body: 40,
            stranger: 40,
            stranger_within: Duration::from_millis(20),
            strangers_arriving: Share { all: 60, each: 45 },
            strangers_worked: 2 * KIB,
            patience: Duration::from_millis(20),
            ..Bounds::default()
        }
    }

    fn from(last: u8) -> Sender {
        Sender::stranger(Some(IpAddr::from([192, 0, 2, last])))
    }

    /// So many bytes, after which nothing more comes.
    fn slow(bytes: usize) -> Payload {
        let begun = stream::iter([Ok::<_, PayloadError>(Bytes::from(vec![b'x'; bytes]))]);
        Payload::Stream { payload: Box::pin(begun.chain(stream::pending())) }
    }

    fn quick(chunks: &[usize]) -> Payload {
        let chunks: Vec<_> = chunks.iter().map(|n| Ok(Bytes::from(vec![b'x'; *n]))).collect();
        Payload::Stream { payload: Box::pin(stream::iter(chunks)) }
    }

    #[test]
    fn only_what_is_as_it_is_may_be_read() {
        let given = |values: &[&'static str]| {
            let mut headers = HeaderMap::new();
            for value in values {
                headers.append(HeaderName::from_static("content-encoding"), HeaderValue::from_static(value));
            }
            refuse_encoded(&headers)
        };
        for plain in [&[][..], &["identity"], &[" Identity "], &["identity", ""]] {
            assert_eq!(given(plain), Ok(()), "{plain:?}");
        }
        for packed in
            [&["gzip"][..], &["GZIP"], &["br"], &["identity", "deflate"], &["identity, gzip"], &["x"]]
        {
            assert_eq!(given(packed), Err(Unread::Encoded), "{packed:?}");
        }
    }

    #[actix_web::test]
    async fn a_body_has_a_length_and_a_time() {
        let intake = Intake::new(small());
        let request = TestRequest::default().to_http_request();
        let took = async |mut payload: Payload| {
            intake.take(&request, &mut payload, from(1), 40).await.map(|body| body.bytes.len())
        };
        assert_eq!(took(Payload::None).await, Ok(0));
        assert_eq!(took(quick(&[40])).await, Ok(40));
        assert_eq!(took(quick(&[20, 10, 10])).await, Ok(40));
        assert_eq!(took(quick(&[41])).await, Err(Unread::TooLarge(40)));
        assert_eq!(took(quick(&[40, 1])).await, Err(Unread::TooLarge(40)));
        assert_eq!(took(slow(1)).await, Err(Unread::Late(Duration::from_millis(20))));
        let long = TestRequest::default().insert_header((CONTENT_LENGTH, "41")).to_http_request();
        let refused = intake.take(&long, &mut slow(1), from(1), 40).await;
        assert_eq!(refused.err(), Some(Unread::TooLarge(40)), "it is not waited for");
        assert!(intake.arriving.lock().unwrap().each.is_empty());
    }

    #[actix_web::test]
    async fn what_is_on_its_way_is_bounded_for_each_and_for_all() {
        let bounds = Bounds { stranger_within: Duration::from_millis(200), ..small() };
        let intake = Intake::new(bounds);
        let request = TestRequest::default().to_http_request();
        let outcome = async |sender: Sender, mut payload: Payload| {
            intake.take(&request, &mut payload, sender, 40).await.map(|body| body.bytes.len())
        };
        let late = Err(Unread::Late(Duration::from_millis(200)));
        let (first, second, other, third, known) = futures_util::future::join5(
            outcome(from(1), slow(30)),
            outcome(from(1), quick(&[20])),
            outcome(from(2), slow(25)),
            outcome(from(3), quick(&[10])),
            outcome(Sender::Known(uuid::Uuid::nil().to_string().parse().unwrap()), quick(&[40])),
        )
        .await;
        assert_eq!((first, other), (late, late));
        assert_eq!(second, Err(Unread::Crowded), "30 and 20 are more than one address may have");
        assert_eq!(third, Err(Unread::Crowded), "30, 25 and 10 are more than all strangers may have");
        assert_eq!(known, Ok(40), "strangers keep nobody out who is known");
        assert_eq!(outcome(from(1), quick(&[40])).await, Ok(40), "what was given up is free again");
    }

    #[actix_web::test]
    async fn whole_bodies_wait_for_their_turn() {
        let intake = Intake::new(small());
        let request = TestRequest::default().to_http_request();
        let took = async || intake.take(&request, &mut quick(&[40]), from(1), 40).await;
        // 40 bytes may grow to 640: two kilobytes hold two of them, each in whole kilobytes.
        let (first, second) = (took().await.unwrap(), took().await.unwrap());
        assert_eq!(took().await.err(), Some(Unread::Crowded));
        drop(first);
        assert!(took().await.is_ok());
        drop(second);
    }
}
