//! Files in and out: bytes ⇄ domain input, nothing else. What a file says is checked here row by row, in the
//! users' words; what it means for the ledger is the business of `service`.

pub mod backup;
pub mod cell;
pub mod consents;
pub mod contracts;
pub mod export;
pub mod holidays;
pub mod register;
pub mod table;

/// A real file under `ITAKU_REAL_DATA`. Unset, the test says which file it would read and passes on a
/// developer's machine, but fails under CI.
#[cfg(test)]
pub(crate) fn real_file(path: &str) -> Option<Vec<u8>> {
    let Some(folder) = std::env::var_os("ITAKU_REAL_DATA") else {
        assert!(std::env::var_os("CI").is_none(), "ITAKU_REAL_DATA is not set: {path} was not read");
        eprintln!("ITAKU_REAL_DATA is not set: {path} was not read");
        return None;
    };
    Some(std::fs::read(std::path::Path::new(&folder).join(path)).unwrap())
}
