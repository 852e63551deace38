//! Where what an alert asks is done: pages by their addresses, which stand in mails too.

use crate::domain::alert::Duty;
use crate::domain::id::{AlertId, ContractId};

/// What stands in an address for `{id}`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Of {
    Alert,
    Contract,
    /// The alert's subject: an audit, an application, a vendor, a notice.
    Subject,
}

/// The page on which it is done, and whose it is.
pub fn place(duty: Duty) -> (&'static str, Of) {
    match duty {
        Duty::Measure => ("/alerts/{id}/resolve", Of::Alert),
        Duty::Declare => ("/contracts/{id}/declarations/new", Of::Contract),
        Duty::Apply => ("/contracts/{id}/applications/new", Of::Contract),
        Duty::RecordResult => ("/audits/{id}/complete", Of::Subject),
        Duty::BeAudited => ("/audits/{id}", Of::Subject),
        Duty::PlanAudit => ("/contracts/{id}/audits/new", Of::Contract),
        Duty::Review => ("/applications/{id}/review", Of::Subject),
        Duty::Decide => ("/applications/{id}/decision", Of::Subject),
        Duty::AskForReport => ("/contracts/{id}/declarations", Of::Contract),
        Duty::LookAtChain => ("/contracts/{id}/chain", Of::Contract),
        Duty::LookAtContract => ("/contracts/{id}", Of::Contract),
        Duty::LookAtApplication => ("/applications/{id}", Of::Subject),
        Duty::LookAtAudits => ("/contracts/{id}/audits", Of::Contract),
        Duty::HandOver => ("/contracts/{id}/handover", Of::Contract),
        Duty::RecordVendor => ("/vendors/{id}", Of::Subject),
        Duty::Resend | Duty::LookAtNotice => ("/notices/{id}", Of::Subject),
    }
}

/// The address for one alert; None: it is about no contract.
pub fn address(duty: Duty, alert: AlertId, contract: Option<ContractId>, subject: &str) -> Option<String> {
    let (path, of) = place(duty);
    let id = match of {
        Of::Alert => alert.to_string(),
        Of::Contract => contract?.to_string(),
        Of::Subject => subject.to_owned(),
    };
    Some(path.replace("{id}", &id))
}
