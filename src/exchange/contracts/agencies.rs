//! Whose rows a published file has: such files hold those of all agencies.

use std::collections::{HashMap, HashSet};

use super::{ContractFile, Note, Outcome};
use crate::domain::text::company_key;

/// The agencies of a row. None: the form names none, and whoever imports it is meant.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Agencies {
    /// As the file writes them, one each.
    pub names: Vec<String>,
    /// 府省コード, of the portal.
    pub code: Option<&'static str>,
}

/// What an agency is called in published files.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct OwnNames {
    /// Keys of names.
    keys: HashSet<String>,
    /// 府省コード.
    codes: HashSet<String>,
}

impl OwnNames {
    /// Of an agency with that name and 機関コード, and the other names that it declared, each a name or a 府省コード.
    pub fn new(name: &str, code: Option<&str>, others: &[String]) -> Self {
        let others = others.iter().map(String::as_str);
        Self {
            keys: others.clone().chain([name]).map(company_key).filter(|key| !key.is_empty()).collect(),
            codes: others.chain(code).map(|code| code.trim().to_ascii_uppercase()).collect(),
        }
    }

    fn has(&self, name: &str) -> bool {
        self.keys.contains(&company_key(name))
    }

    fn are_among(&self, agencies: &Agencies) -> bool {
        (agencies.names.is_empty() && agencies.code.is_none())
            || agencies.names.iter().any(|name| self.has(name))
            || agencies.code.is_some_and(|code| self.codes.contains(code))
    }
}

impl ContractFile {
    /// The file as one agency takes it: with `all` every row, else the rows of other agencies only counted, the bad ones
    /// among them too. What is left of a contract's agencies are the ones beside its own.
    #[must_use]
    pub fn of_agency(mut self, own: &OwnNames, all: bool) -> Self {
        let mut elsewhere: HashMap<u64, String> = HashMap::new();
        for outcome in &mut self.outcomes {
            let (line, foreign) = match outcome {
                Outcome::Taken { line, contract } => {
                    let foreign = (!all && !own.are_among(&contract.agencies))
                        .then(|| contract.agencies.names.join("／"));
                    contract.agencies.names.retain(|name| !own.has(name));
                    (*line, foreign)
                }
                Outcome::Bad { line, agencies, .. } => {
                    (*line, (!all && !own.are_among(agencies)).then(|| agencies.names.join("／")))
                }
                Outcome::Duplicate { line, of } | Outcome::Joined { line, into: of } => {
                    (*line, elsewhere.get(of).cloned())
                }
                Outcome::Elsewhere { .. } => continue,
            };
            if let Some(agencies) = foreign {
                elsewhere.insert(line, agencies.clone());
                *outcome = Outcome::Elsewhere { line, agencies };
            }
        }
        self.notes.retain(|Note { line, .. }| !elsewhere.contains_key(line));
        self
    }
}
