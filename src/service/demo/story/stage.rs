//! Where it is played: the people, and what has come about so far, by the names the story gives it.

use std::collections::{BTreeSet, HashMap};

use chrono::NaiveDate;

use super::super::{MoveClock, move_clock};
use super::cast::{Cast, Firm, House, Who};
use super::contracts::{Office, Row};
use super::script::Days;
use super::untold;
use crate::domain::access::Permission;
use crate::domain::id::{ApplicationId, ContractId, EngagementId, ObservationId, OrganizationId, UserId};
use crate::service::{App, Call, Failure};

/// A company's place on a contract, and the application for it.
pub type Place = (&'static str, Firm);

pub struct Stage<'a> {
    pub app: &'a App,
    pub days: Days,
    admin: Call,
    cast: Cast,
    rows: Vec<Row>,
    contracts: HashMap<&'static str, ContractId>,
    places: HashMap<Place, EngagementId>,
    applications: HashMap<Place, ApplicationId>,
    /// Who has had a consent and reports, in order.
    consented: BTreeSet<Place>,
    /// What turned out to be a mistake.
    pub observation: Option<ObservationId>,
}

impl<'a> Stage<'a> {
    pub fn new(app: &'a App, admin: Call, cast: Cast, rows: Vec<Row>, days: Days) -> Self {
        Self {
            app,
            days,
            admin,
            cast,
            rows,
            contracts: HashMap::new(),
            places: HashMap::new(),
            applications: HashMap::new(),
            consented: BTreeSet::new(),
            observation: None,
        }
    }

    pub fn today(&self) -> NaiveDate {
        self.app.today()
    }

    /// Lets the days pass, with the sweep and the mail of the day arrived at.
    pub fn pass_to(&self, day: NaiveDate) -> Result<(), Failure> {
        if day > self.today() {
            move_clock(self.app, &self.admin, &MoveClock { today: day })?;
        }
        Ok(())
    }

    /// A request of that person, who needs a permission for it as everyone does.
    pub fn call(&self, who: Who, needs: Permission) -> Result<&Call, Failure> {
        let call = self.cast.call(who)?;
        if call.actor.may(needs) { Ok(call) } else { Err(untold(format_args!("{who:?} may not {needs}"))) }
    }

    pub fn user(&self, who: Who) -> Result<UserId, Failure> {
        self.cast.user(who)
    }

    pub fn organization(&self, house: House) -> Result<OrganizationId, Failure> {
        Ok(self.cast.house(house)?.id)
    }

    pub fn firm(&self, firm: Firm) -> Result<OrganizationId, Failure> {
        self.organization(House::Firm(firm))
    }

    pub fn rows(&self) -> &[Row] {
        &self.rows
    }

    pub fn row(&self, number: &str) -> Result<&Row, Failure> {
        self.rows.iter().find(|row| row.number == number).ok_or_else(|| untold(number))
    }

    pub fn office(&self, number: &str) -> Result<Office, Failure> {
        Ok(self.row(number)?.office)
    }

    pub fn contract(&self, number: &str) -> Result<ContractId, Failure> {
        self.contracts.get(number).copied().ok_or_else(|| untold(number))
    }

    pub fn keep_contract(&mut self, number: &'static str, id: ContractId) {
        self.contracts.insert(number, id);
    }

    pub fn place(&self, (number, firm): Place) -> Result<EngagementId, Failure> {
        self.places.get(&(number, firm)).copied().ok_or_else(|| untold(format_args!("{firm} on {number}")))
    }

    pub fn keep_place(&mut self, place: Place, id: EngagementId) {
        self.places.insert(place, id);
    }

    pub fn application(&self, (number, firm): Place) -> Result<ApplicationId, Failure> {
        let filed = self.applications.get(&(number, firm)).copied();
        filed.ok_or_else(|| untold(format_args!("no application for {firm} on {number}")))
    }

    pub fn keep_application(&mut self, place: Place, id: ApplicationId) {
        self.applications.insert(place, id);
    }

    /// From now on the company reports on that contract.
    pub fn reports(&mut self, place: Place) {
        self.consented.insert(place);
    }

    /// Who reports on a contract: the prime, and those who have a consent.
    pub fn reporting(&self, row: &Row) -> Vec<Firm> {
        let below = self.consented.iter().filter(|(number, _)| *number == row.number);
        std::iter::once(row.prime).chain(below.map(|(_, firm)| *firm)).collect()
    }
}
