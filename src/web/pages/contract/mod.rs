//! 契約: the list, and what of one contract stands on which page.

mod amend;
mod compared;
mod correct;
mod handover;
mod import;
mod list;
mod register;
mod show;
mod terminate;
mod void;

use super::route::{Page, PageRoute};
use crate::service::contract::ContractView;

pub fn routes() -> Vec<PageRoute> {
    [
        amend::routes(),
        correct::routes(),
        handover::routes(),
        import::routes(),
        list::routes(),
        register::routes(),
        void::routes(),
        show::routes(),
        terminate::routes(),
    ]
    .concat()
}

/// The address of a contract's page.
pub fn address(contract: &ContractView) -> String {
    format!("/contracts/{}", contract.id)
}

impl Page {
    /// The page under a contract's.
    #[must_use]
    pub fn under_contract(self, contract: &ContractView) -> Self {
        self.under("/contracts", "契約")
            .under(address(contract), format!("{} {}", contract.number, contract.title))
            .in_words_of(contract.agency_id)
    }
}
