use super::{App, Failure};
use crate::domain::access::Actor;
pub fn authenticate(_app: &App, _bearer: &str) -> Result<Actor, Failure> { Err(Failure::Unauthorized) }
