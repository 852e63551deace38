//! What lists across contracts are narrowed to, as asked.

use crate::db;
use crate::db::contract::{Narrow, OfficerIs};
use crate::domain::access::Scope;
use crate::domain::id::UserId;
use crate::domain::text::search_key;
use crate::service::{App, Call, Failure};

/// 担当者, as asked: `me`, `none`, or a person.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Whose {
    /// The caller's own.
    Me,
    /// Those for which nobody is responsible.
    Nobody,
    Person(UserId),
}

impl std::str::FromStr for Whose {
    type Err = crate::domain::id::NotAnId;
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "me" => Ok(Self::Me),
            "none" => Ok(Self::Nobody),
            id => id.parse().map(Self::Person),
        }
    }
}

/// Of which contracts, as asked. What only the agency's side may narrow by narrows nothing for a vendor.
#[derive(Debug, Clone, Default)]
pub struct NarrowQuery {
    /// Part of the number, the title or, on the agency's side, the name of a company on the chain.
    pub q: Option<String>,
    pub officer: Option<Whose>,
    /// 担当部署, whole.
    pub department: Option<String>,
    /// Part of the name of a company on the chain.
    pub vendor: Option<String>,
    pub fiscal_year: Option<i32>,
}

impl NarrowQuery {
    /// As the database takes it.
    pub fn of(&self, call: &Call) -> Narrow {
        let key = |text: &Option<String>| text.as_deref().map(search_key).filter(|key| !key.is_empty());
        Narrow {
            officer: self.officer.map(|whose| match whose {
                Whose::Me => OfficerIs::Person(call.actor.user_id),
                Whose::Nobody => OfficerIs::Nobody,
                Whose::Person(id) => OfficerIs::Person(id),
            }),
            department: self.department.clone().filter(|name| !name.is_empty()),
            vendor: key(&self.vendor),
            fiscal_year: self.fiscal_year,
            key: key(&self.q),
        }
    }
}

/// What lists can be narrowed to, to choose from; for those who see one agency's contracts.
#[derive(Debug, Clone, Default)]
pub struct Offered {
    /// By name.
    pub officers: Vec<(UserId, String)>,
    pub departments: Vec<String>,
}

/// The officers and departments that the caller's contracts have.
pub fn offered(app: &App, call: &Call) -> Result<Offered, Failure> {
    let Scope::Agency(agency) = call.scope() else { return Ok(Offered::default()) };
    let mut officers = app.db.read_one(|conn| db::contract::officers(conn, agency))?;
    officers.sort_by(|a, b| (&a.1, a.0).cmp(&(&b.1, b.0)));
    let departments = app.db.read_one(|conn| db::contract::departments(conn, agency))?;
    Ok(Offered { officers, departments })
}
