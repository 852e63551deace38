//! A change of any row of any table that the ledger holds, by chance, and how `verify` must name it.

use itaku::ledger::rebuild::{Kind, Table};
use itaku::ledger::verify::{BadEntry, BadRow, Fault};

use super::super::dice::Dice;
use super::{House, all_tables};

/// A text of SQL.
fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}

/// A row, by the columns that tell it apart.
struct Picked {
    /// As a report names it.
    id: String,
    condition: String,
}

impl House {
    fn pick(&mut self, table: &Table, dice: &mut Dice) -> Option<Picked> {
        let count = self.lines(&format!("SELECT CAST(count(*) AS TEXT) AS line FROM {}", table.name));
        let count: usize = count[0].as_ref()?.parse().ok()?;
        if count == 0 {
            return None;
        }
        let place = dice.below(count);
        let order = table.identity.join(", ");
        let mut values = Vec::new();
        for column in table.identity {
            let sql = format!(
                "SELECT {column} AS line FROM {} ORDER BY {order} LIMIT 1 OFFSET {place}",
                table.name
            );
            values.push(self.lines(&sql)[0].clone().unwrap());
        }
        let conditions: Vec<String> = table
            .identity
            .iter()
            .zip(&values)
            .map(|(column, value)| format!("{column} = {}", quoted(value)))
            .collect();
        Some(Picked { id: values.join(" "), condition: conditions.join(" AND ") })
    }

    fn value(&mut self, table: &Table, column: &str, condition: &str) -> Option<String> {
        let sql = format!("SELECT CAST({column} AS TEXT) AS line FROM {} WHERE {condition}", table.name);
        self.lines(&sql).into_iter().next().flatten()
    }
}

/// What was done, and how its report may name it.
#[derive(Debug)]
pub struct Done {
    #[expect(dead_code, reason = "a failing test prints it")]
    what: String,
    pub table: &'static str,
    ids: Vec<String>,
    faults: &'static [Fault],
    column: Option<&'static str>,
}

const ELSEWHERE: &[Fault] = &[Fault::RowMoved, Fault::RowAdded, Fault::RowMissing, Fault::NoChain];

impl Done {
    pub fn is_told_by(&self, bad: &BadEntry) -> bool {
        let Some(BadRow { table, id: Some(id), column }) = bad.row.as_deref() else { return false };
        let named = *table == self.table && self.ids.contains(id) && self.faults.contains(&bad.what);
        named && self.column.is_none_or(|own| *column == Some(own))
    }
}

impl House {
    /// Changes something within a transaction; None: the database refused it, or it left everything as it was.
    pub fn change(&mut self, dice: &mut Dice) -> Option<Done> {
        let tables = all_tables();
        let table = *dice.of(&tables);
        let row = self.pick(table, dice)?;
        match dice.below(10) {
            0..6 => self.update(table, &row, dice),
            6..8 => self.copy(table, &row, dice),
            8 => {
                let sql = format!("DELETE FROM {} WHERE {}", table.name, row.condition);
                self.run(&sql).ok()?;
                let faults = &[Fault::RowMissing];
                Some(Done { what: sql, table: table.name, ids: vec![row.id], faults, column: None })
            }
            _ => self.relocate(table, &row, dice),
        }
    }

    fn update(&mut self, table: &'static Table, row: &Picked, dice: &mut Dice) -> Option<Done> {
        let (column, kind) = *dice.of(table.columns);
        let other = self.pick(table, dice)?;
        let other = format!("(SELECT {column} FROM {} WHERE {})", table.name, other.condition);
        let value = match kind {
            Kind::Text => match dice.below(8) {
                0 => format!("{column} || 'x'"),
                1 => "'x'".to_owned(),
                2 => "NULL".to_owned(),
                3 => "''".to_owned(),
                4 => format!("replace({column}, '1', '2')"),
                5 => format!("upper({column})"),
                6 => format!("' ' || {column}"),
                _ => other,
            },
            Kind::Number => {
                dice.of(&[format!("{column} + 1"), "7".to_owned(), "NULL".to_owned(), other]).clone()
            }
            Kind::Flag => format!("NOT {column}"),
            Kind::Day => {
                dice.of(&[format!("'2031-01-{:02}'", 1 + dice.0 % 28), "NULL".to_owned(), other]).clone()
            }
            Kind::At => {
                dice.of(&["'2031-01-01 00:00:00.000001'".to_owned(), "NULL".to_owned(), other]).clone()
            }
        };
        self.set(table, row, column, &value)
    }

    /// To another contract or organization.
    fn relocate(&mut self, table: &'static Table, row: &Picked, dice: &mut Dice) -> Option<Done> {
        let column = *dice.of(table.chain);
        let from = if column == "contract_id" { "contracts" } else { "organizations" };
        let homes = self.lines(&format!("SELECT id AS line FROM {from} ORDER BY id"));
        let home = dice.of(&homes).clone()?;
        self.set(table, row, column, &quoted(&home))
    }

    fn set(
        &mut self,
        table: &'static Table,
        row: &Picked,
        column: &'static str,
        value: &str,
    ) -> Option<Done> {
        let before = self.value(table, column, &row.condition);
        let sql = format!("UPDATE {} SET {column} = {value} WHERE {}", table.name, row.condition);
        let ids = self.ids_after(table, row, column, &sql)?;
        let after = if ids.len() > 1 { None } else { self.value(table, column, &row.condition) };
        let of_password = column == "password_hash" && before.is_some() && after.is_some();
        if (ids.len() == 1 && before == after) || of_password {
            return None;
        }
        let moved = ids.len() > 1 || table.chain.contains(&column);
        let faults = if moved { ELSEWHERE } else { &[Fault::RowChanged] };
        let column = (!moved).then_some(column);
        Some(Done { what: sql, table: table.name, ids, faults, column })
    }

    /// Runs it; the names that the row has before and after.
    fn ids_after(&mut self, table: &Table, row: &Picked, column: &str, sql: &str) -> Option<Vec<String>> {
        if !table.identity.contains(&column) {
            self.run(sql).ok()?;
            return Some(vec![row.id.clone()]);
        }
        let names = format!("SELECT {} AS line FROM {}", table.identity.join(" || ' ' || "), table.name);
        let before = self.lines(&names);
        self.run(sql).ok()?;
        let added = self.lines(&names).into_iter().find(|id| !before.contains(id))?;
        Some(vec![row.id.clone(), added.unwrap_or_default()])
    }

    fn copy(&mut self, table: &'static Table, row: &Picked, dice: &mut Dice) -> Option<Done> {
        let last = *table.identity.last().unwrap();
        let new = match (table.name, last) {
            (_, "id") => dice.id(),
            ("user_roles", _) => {
                (*dice.of(&["approver", "agency_admin", "system_admin", "auditor"])).to_owned()
            }
            ("departments", _) => "架空の課".to_owned(),
            _ => self.lines("SELECT id AS line FROM organizations ORDER BY id DESC")[0].clone()?,
        };
        let columns: Vec<&str> = table.columns.iter().map(|(name, _)| *name).collect();
        let values: Vec<String> = columns
            .iter()
            .map(|column| match *column {
                column if column == last => quoted(&new),
                // What no two rows may share.
                "number" | "email_key" => format!("{column} || 'x'"),
                "code" | "corporate_number" => "NULL".to_owned(),
                column => column.to_owned(),
            })
            .collect();
        let sql = format!(
            "INSERT INTO {table} ({}) SELECT {} FROM {table} WHERE {}",
            columns.join(", "),
            values.join(", "),
            row.condition,
            table = table.name
        );
        if self.run(&sql).ok()? == 0 {
            return None;
        }
        let id = match row.id.rsplit_once(' ') {
            Some((first, _)) if table.identity.len() > 1 && table.name == "user_roles" => {
                format!("{first} {new}")
            }
            _ if table.name == "departments" => format!("{} {new}", &row.id[..36]),
            _ => new,
        };
        let faults = &[Fault::RowAdded, Fault::NoChain];
        Some(Done { what: sql, table: table.name, ids: vec![id], faults, column: None })
    }
}
