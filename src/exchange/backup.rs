//! The form of a backup: one file, a head of fixed length and the payload behind it. Every byte of it is under a hash:
//! the head ends in its own, and holds the payload's length and hash.
//!
//! The payload is what the database's own tools read: an SQLite file, or an archive of `pg_dump --format=custom`. Whoever
//! has no itaku at hand cuts the head off (`tail -c +4097 FILE`).

use std::io::{self, Read, Seek, SeekFrom, Write};

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use crate::domain::backup::{BackupOf, LedgerState};

/// The head's length in bytes.
pub const HEAD: u64 = 4096;
const FORMAT: &str = "itaku-backup 1\n";
/// A hash in hexadecimal, and the end of its line.
const SEAL: usize = 65;

/// What a backup says of itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Head {
    pub made_at: DateTime<Utc>,
    /// The version of the program that made it.
    pub program: String,
    pub database: BackupOf,
    /// The last migration applied.
    pub schema: String,
    pub ledger: LedgerState,
    pub payload_bytes: u64,
    pub payload_sha256: String,
}

/// What the payload is, before it has been written.
#[derive(Debug, Clone)]
pub struct About {
    pub made_at: DateTime<Utc>,
    pub program: String,
    pub database: BackupOf,
    pub schema: String,
    pub ledger: LedgerState,
}

/// Why a file is no backup that can be trusted.
#[derive(Debug, thiserror::Error)]
pub enum BackupError {
    #[error("itaku のバックアップではないか、先頭が壊れています。")]
    NotABackup,
    #[error("バックアップが壊れています（{0}）。別のバックアップを使ってください。")]
    Damaged(&'static str),
    #[error("バックアップを読み書きできません（{0}）。")]
    Io(#[from] io::Error),
}

/// Counts and hashes what passes.
pub struct Hashed<T> {
    inner: T,
    hash: Sha256,
    bytes: u64,
}

impl<T> Hashed<T> {
    pub fn new(inner: T) -> Self {
        Self { inner, hash: Sha256::new(), bytes: 0 }
    }

    /// How many bytes passed, and their hash.
    pub fn done(self) -> (u64, String) {
        (self.bytes, hex::encode(self.hash.finalize()))
    }

    fn passed(&mut self, bytes: &[u8]) {
        self.hash.update(bytes);
        self.bytes += bytes.len() as u64;
    }
}

impl<R: Read> Read for Hashed<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.inner.read(buffer)?;
        if let Some(bytes) = buffer.get(..read) {
            self.passed(bytes);
        }
        Ok(read)
    }
}

impl<W: Write> Write for Hashed<W> {
    fn write(&mut self, buffer: &[u8]) -> io::Result<usize> {
        let written = self.inner.write(buffer)?;
        if let Some(bytes) = buffer.get(..written) {
            self.passed(bytes);
        }
        Ok(written)
    }
    fn flush(&mut self) -> io::Result<()> {
        self.inner.flush()
    }
}

/// Writes a backup: `payload` writes what stands behind the head, and says what it is.
pub fn write<F: Write + Seek, E: From<BackupError>>(
    file: &mut F,
    payload: impl FnOnce(&mut dyn Write) -> Result<About, E>,
) -> Result<Head, E> {
    file.seek(SeekFrom::Start(HEAD)).map_err(BackupError::from)?;
    let mut behind = Hashed::new(&mut *file);
    let about = payload(&mut behind)?;
    let (payload_bytes, payload_sha256) = behind.done();
    let About { made_at, program, database, schema, ledger } = about;
    let head = Head { made_at, program, database, schema, ledger, payload_bytes, payload_sha256 };
    let bytes = encoded(&head)?;
    file.seek(SeekFrom::Start(0)).map_err(BackupError::from)?;
    file.write_all(&bytes).and_then(|()| file.flush()).map_err(BackupError::from)?;
    Ok(head)
}

fn encoded(head: &Head) -> Result<Vec<u8>, BackupError> {
    let length = usize::try_from(HEAD).unwrap_or_default() - SEAL;
    let mut bytes = FORMAT.as_bytes().to_vec();
    serde_json::to_writer(&mut bytes, head).map_err(io::Error::from)?;
    if bytes.len() >= length {
        return Err(BackupError::Io(io::Error::other("the head is too long")));
    }
    bytes.resize(length - 1, b' ');
    bytes.push(b'\n');
    let seal = hex::encode(Sha256::digest(&bytes));
    bytes.extend(seal.as_bytes());
    bytes.push(b'\n');
    Ok(bytes)
}

/// Reads the head, and leaves the file at the payload.
pub fn read_head(file: &mut impl Read) -> Result<Head, BackupError> {
    let mut bytes = Vec::new();
    file.take(HEAD).read_to_end(&mut bytes)?;
    let (told, seal) =
        bytes.split_at_checked(bytes.len().saturating_sub(SEAL)).ok_or(BackupError::NotABackup)?;
    let Some(json) = told.strip_prefix(FORMAT.as_bytes()) else { return Err(BackupError::NotABackup) };
    if bytes.len() as u64 != HEAD || seal != format!("{}\n", hex::encode(Sha256::digest(told))).as_bytes() {
        return Err(BackupError::Damaged("先頭のハッシュが一致しません"));
    }
    serde_json::from_slice(json).map_err(|_| BackupError::Damaged("先頭を読み取れません"))
}

/// Reads all of a backup: what it says of itself, once every byte of it has proved to be as it was written.
pub fn check<F: Read + Seek>(file: &mut F) -> Result<Head, BackupError> {
    file.seek(SeekFrom::Start(0))?;
    let head = read_head(file)?;
    let mut payload = Hashed::new(file);
    io::copy(&mut payload, &mut io::sink())?;
    holds(&head, payload)?;
    Ok(head)
}

/// Holds what has passed against what the head says of the payload.
pub fn holds<T>(head: &Head, passed: Hashed<T>) -> Result<(), BackupError> {
    let (bytes, sha256) = passed.done();
    if bytes != head.payload_bytes {
        return Err(BackupError::Damaged("長さが一致しません"));
    }
    if sha256 != head.payload_sha256 {
        return Err(BackupError::Damaged("内容のハッシュが一致しません"));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::io::Cursor;

    use super::*;

    fn backup(payload: &[u8]) -> Vec<u8> {
        let mut file = Cursor::new(Vec::new());
        let about = About {
            made_at: "2026-11-10T00:00:00Z".parse().unwrap(),
            program: "0.1.0".to_owned(),
            database: BackupOf::Sqlite,
            schema: "0001".to_owned(),
            ledger: LedgerState { chains: 1, entries: 2, heads_sha256: "0".repeat(64) },
        };
        let write = |out: &mut dyn Write| {
            out.write_all(payload).map_err(BackupError::from)?;
            Ok::<_, BackupError>(about)
        };
        super::write(&mut file, write).unwrap();
        file.into_inner()
    }

    #[test]
    fn every_bit_of_every_byte_counts() {
        let whole = backup(b"what the database's own tools read");
        let head = check(&mut Cursor::new(whole.clone())).unwrap();
        assert_eq!((head.payload_bytes, head.ledger.entries), (34, 2));
        for at in 0..whole.len() {
            for bit in 0..8 {
                let mut copy = whole.clone();
                copy[at] ^= 1 << bit;
                assert!(check(&mut Cursor::new(copy)).is_err(), "byte {at}, bit {bit}");
            }
        }
    }

    #[test]
    fn a_part_a_longer_one_and_another_file_are_refused() {
        let whole = backup(b"payload");
        for length in [0, 1, 64, 65, 4095, 4096, whole.len() - 1] {
            assert!(check(&mut Cursor::new(whole[..length].to_vec())).is_err(), "{length}");
        }
        let longer = [&whole[..], b"\n"].concat();
        assert!(matches!(check(&mut Cursor::new(longer)), Err(BackupError::Damaged(_))));
        assert!(matches!(
            check(&mut Cursor::new(b"SQLite format 3".repeat(400))),
            Err(BackupError::NotABackup)
        ));
    }
}
