//! Who acts in the cases.

use itaku::domain::access::{Actor, ActorOrganization, OrganizationKind, Role};
use itaku::domain::id::OrganizationId;
use itaku::service::Call;

use crate::support::TestApp;

/// The people of all cases of one test.
pub struct Cast {
    /// Reviews, and may not decide.
    pub officer: Call,
    /// Reviews and decides, but never both.
    pub both: Call,
    pub approver: Call,
    /// 0 is the prime.
    pub vendors: Vec<(OrganizationId, Call)>,
}

/// A person as the session's row would say.
pub fn call(app: &TestApp, organization: OrganizationId, kind: OrganizationKind, roles: &[Role]) -> Call {
    let person = app.person(organization, roles);
    Call::of(Actor {
        user_id: person.id,
        session_id: app.app.sources.new_id(),
        name: String::new(),
        email: person.email,
        organization: ActorOrganization { id: organization, kind, name: String::new() },
        roles: roles.to_vec(),
        must_change_password: false,
        authenticated_at: app.app.sources.clock.machine_now(),
        has_factor: false,
    })
}

impl Cast {
    pub fn new(app: &TestApp) -> Self {
        let agency = app.agency("P1");
        let agency = |roles: &[Role]| call(app, agency, OrganizationKind::Agency, roles);
        let vendor = |name: &str| {
            let id = app.vendor(&format!("架空{name}有限会社"));
            (id, call(app, id, OrganizationKind::Vendor, &[Role::VendorUser]))
        };
        Self {
            officer: agency(&[Role::Officer]),
            both: agency(&[Role::Officer, Role::Approver]),
            approver: agency(&[Role::Approver]),
            vendors: ["甲", "乙", "丙", "丁", "戊"].map(vendor).into(),
        }
    }
}
