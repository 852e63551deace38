//! The rules of the field, pure: no I/O, no SQL, no clock, no logging. Days, facts and settings come in as
//! values, decisions go out as values.

pub mod access;
pub mod alert;
pub mod audit;
pub mod backup;
pub mod calendar;
pub mod chain;
pub mod characters;
pub mod company;
pub mod contract;
pub mod corporate_number;
pub mod country;
pub mod days;
pub mod deadline;
pub mod declaration;
pub mod id;
pub mod input;
pub mod limits;
pub mod lookalike;
pub mod password;
pub mod placeholder;
pub mod projection;
pub mod ratio;
pub mod settings;
pub mod text;
pub mod text_enum;
