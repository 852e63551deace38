//! Contracts, the corporate-number register, holidays and imports through the use cases, on both databases.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, reason = "tests")]

mod changes;
mod house;
mod imports;
mod nonsense;
mod reference;
mod registration;
mod void;
