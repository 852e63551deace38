//! 契約: the list, and what of one contract stands on which page.

mod amend;
mod compared;
mod correct;
mod handover;
mod handover_back;
mod import;
mod list;
mod register;
mod show;
mod terminate;
mod void;

use super::route::{Page, PageRoute};
use crate::domain::access::OrganizationKind;
use crate::service::Call;
use crate::service::contract::ContractView;

pub fn routes() -> Vec<PageRoute> {
    [
        amend::routes(),
        correct::routes(),
        handover::routes(),
        handover_back::routes(),
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

/// 委託元, for those who see the contracts of more than one agency: an overseer, and a vendor.
pub fn agency_of<'a>(call: &Call, contract: &'a ContractView) -> Option<&'a str> {
    (call.actor.organization.kind != OrganizationKind::Agency).then_some(contract.agency_name.as_str())
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
