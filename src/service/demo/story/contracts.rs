//! The forty contracts, one a line of the table beside this file. Months are counted from that of the last day.

use std::str::FromStr;

use chrono::NaiveDate;
use serde_json::json;

use super::cast::{Firm, Who};
use super::script::{Days, Script};
use super::stage::Stage;
use super::{body, untold};
use crate::domain::access::Permission;
use crate::domain::calendar::{add_days, fiscal_year};
use crate::domain::contract::DeclarationInterval;
use crate::service::{Failure, chain, contract};

const TABLE: &str = include_str!("contracts.csv");

/// Signed so many days before it begins, and a few days before the last day at the latest.
const SIGNED_BEFORE: i64 = 10;
const SIGNED_AGO: i64 = 8;

/// The contract that is ended early, with a month.
pub const ENDED_EARLY: (&str, i32) = ("DEMO-025", -3);

/// The department in charge.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Office {
    Tax,
    Welfare,
    Prefecture,
}

impl Office {
    pub fn department(self) -> &'static str {
        match self {
            Self::Tax => "架空税務課（デモ）",
            Self::Welfare => "架空福祉課（デモ）",
            Self::Prefecture => "架空県政策課（デモ）",
        }
    }

    pub fn officer(self) -> Who {
        match self {
            Self::Tax => Who::Officer,
            Self::Welfare => Who::WelfareOfficer,
            Self::Prefecture => Who::PrefectureOfficer,
        }
    }

    pub fn approver(self) -> Who {
        match self {
            Self::Tax | Self::Welfare => Who::Approver,
            Self::Prefecture => Who::PrefectureApprover,
        }
    }

    pub fn auditor(self) -> Who {
        match self {
            Self::Tax | Self::Welfare => Who::Auditor,
            Self::Prefecture => Who::PrefectureAuditor,
        }
    }
}

/// A contract of the table.
#[derive(Debug, Clone, Copy)]
pub struct Row {
    pub number: &'static str,
    title: &'static str,
    pub office: Office,
    pub prime: Firm,
    yen: i64,
    /// Persons whose data are entrusted; of these with マイナンバー, of these sensitive.
    pub persons: i64,
    my_number: i64,
    sensitive: i64,
    pub interval: DeclarationInterval,
    from: i32,
    to: i32,
    /// 1: no subcontracting at all.
    tiers: i32,
    scope: &'static str,
}

impl Row {
    pub fn starts_on(&self, days: Days) -> NaiveDate {
        days.month(self.from)
    }

    pub fn ends_on(&self, days: Days) -> NaiveDate {
        days.month_end(self.to)
    }

    /// The last day on which it runs, by all that the story tells.
    pub fn last_day(&self, days: Days) -> NaiveDate {
        if self.number == ENDED_EARLY.0 { days.month_end(ENDED_EARLY.1) } else { self.ends_on(days) }
    }

    /// The day on which it is signed and entered.
    pub fn registered_on(&self, days: Days) -> NaiveDate {
        add_days(self.starts_on(days), -SIGNED_BEFORE).min(days.day(-SIGNED_AGO)).max(days.first)
    }
}

/// The table; an error names the line.
pub fn rows() -> Result<Vec<Row>, Failure> {
    lines(TABLE).map(|line| row(line).ok_or_else(|| untold(line))).collect()
}

/// The lines of a table without its head.
pub fn lines(table: &'static str) -> impl Iterator<Item = &'static str> {
    table.lines().skip(1)
}

/// A cell as what is meant by it.
pub fn cell<T: FromStr>(text: &str) -> Option<T> {
    text.parse().ok()
}

fn row(line: &'static str) -> Option<Row> {
    let cells: Vec<&str> = line.split(',').collect();
    let [number, title, office, prime, yen, persons, my_number, sensitive, interval, from, to, tiers, scope] =
        cells.as_slice()
    else {
        return None;
    };
    let office = match *office {
        "税務" => Office::Tax,
        "福祉" => Office::Welfare,
        "県" => Office::Prefecture,
        _ => return None,
    };
    Some(Row {
        number,
        title,
        office,
        prime: cell(prime)?,
        yen: cell::<i64>(yen)? * 1_000,
        persons: cell(persons)?,
        my_number: cell(my_number)?,
        sensitive: cell(sensitive)?,
        interval: cell(interval)?,
        from: cell(from)?,
        to: cell(to)?,
        tiers: cell(tiers)?,
        scope,
    })
}

pub fn plan(script: &mut Script, rows: &[Row]) {
    for &row in rows {
        script.on(row.registered_on(script.days), move |stage| stage.register(&row));
    }
}

impl Stage<'_> {
    /// The department's officer enters a contract.
    fn register(&mut self, row: &Row) -> Result<(), Failure> {
        let starts_on = row.starts_on(self.days);
        let counts = [("personal", row.persons), ("my_number", row.my_number), ("sensitive", row.sensitive)];
        let data: Vec<_> = counts
            .iter()
            .filter(|(_, persons)| *persons > 0)
            .map(|(category, persons)| json!({"category": category, "persons": persons}))
            .collect();
        let clause = if row.tiers > 1 {
            json!({"policy": "consent_required", "max_tier": row.tiers, "max_ratio_percent": 50, "overseas": "prohibited"})
        } else {
            json!({"policy": "prohibited", "overseas": "prohibited"})
        };
        let input = body(&json!({
            "number": row.number, "title": row.title, "fiscal_year": fiscal_year(starts_on),
            "vendor_id": self.firm(row.prime)?, "amount_yen": row.yen, "signed_on": self.today().min(starts_on),
            "starts_on": starts_on, "ends_on": row.ends_on(self.days), "scope": row.scope, "data": data,
            "subcontracting": clause, "declaration_interval": row.interval, "return_due_days": 14,
            "department": row.office.department(),
        }))?;
        let officer = self.call(row.office.officer(), Permission::RegisterContract)?;
        let id = contract::register(self.app, officer, &input)?.id;
        let root = chain::get(self.app, officer, id, None, None)?.root.engagement_id;
        self.keep_contract(row.number, id);
        self.keep_place((row.number, row.prime), root);
        Ok(())
    }
}
