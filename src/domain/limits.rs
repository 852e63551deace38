//! How long a text and how large a number of a contract may be: one set for the API, for forms and for files.

/// Characters of the unit prices of a 単価契約.
pub const MAX_UNIT_PRICE: usize = 1_000;
/// 契約番号, in characters.
pub const MAX_NUMBER: usize = 100;
/// 件名, in characters.
pub const MAX_TITLE: usize = 1_000;
/// 業務範囲, in characters.
pub const MAX_SCOPE: usize = 10_000;
/// 担当部署, in characters.
pub const MAX_DEPARTMENT: usize = 200;
/// Name of a company, in characters.
pub const MAX_COMPANY: usize = 200;
/// The largest amount: 10兆円. No contract of the state comes near it; a slip of the keyboard does.
pub const MAX_YEN: i64 = 10_000_000_000_000;
/// Most persons or records.
pub const MAX_PERSONS: i64 = 10_000_000_000;
/// Deepest tier that a contract can allow.
pub const MAX_TIER: i32 = 10;
/// Most days for giving data back.
pub const MAX_RETURN_DAYS: i32 = 365;
/// The years in which days may lie: before the constitution's nothing is kept, after the last it is a slip of the pen.
pub const FIRST_YEAR: i32 = 1947;
pub const LAST_YEAR: i32 = 2100;
/// The version of a resource at most: the largest whole number that JSON readers keep exact.
pub const MAX_VERSION: i64 = 9_007_199_254_740_991;

/// Characters of a person's name at most.
pub const MAX_PERSON_NAME: usize = 100;
