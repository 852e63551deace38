//! Who may do what: roles, permissions, and the two sides that see different things.

use serde::{Deserialize, Serialize};

use super::contract::Instant;
use super::id::{OrganizationId, SessionId, UserId};
use crate::text_enum;

text_enum! {
    /// Kinds of organization.
    pub enum OrganizationKind {
        /// 委託元（機関）
        Agency = "agency",
        /// 事業者
        Vendor = "vendor",
        /// The operator of the installation: 監督 and the system's administrators belong to it.
        System = "system",
    }
}

impl OrganizationKind {
    /// The role of those who administer the people of such an organization.
    pub fn administrator(self) -> Role {
        match self {
            Self::Agency => Role::AgencyAdmin,
            Self::Vendor => Role::VendorAdmin,
            Self::System => Role::SystemAdmin,
        }
    }
}

text_enum! {
    /// Roles of api.md. One person may hold several in one organization.
    pub enum Role {
        /// 担当者: registers, reviews
        Officer = "officer",
        /// 決裁者: consents, refuses, revokes
        Approver = "approver",
        /// 監査担当
        Auditor = "auditor",
        /// 管理者: people and settings
        AgencyAdmin = "agency_admin",
        /// 委託先担当者
        VendorUser = "vendor_user",
        /// 委託先管理者
        VendorAdmin = "vendor_admin",
        /// 監督: reads every agency, writes nothing
        Overseer = "overseer",
        /// Organizations and accounts; sees no contract
        SystemAdmin = "system_admin",
    }
}

impl Role {
    /// The kind of organization whose people can hold the role.
    pub fn belongs_to(self) -> OrganizationKind {
        match self {
            Self::Officer | Self::Approver | Self::Auditor | Self::AgencyAdmin => OrganizationKind::Agency,
            Self::VendorUser | Self::VendorAdmin => OrganizationKind::Vendor,
            Self::Overseer | Self::SystemAdmin => OrganizationKind::System,
        }
    }

    /// Whether it decides in its organization's name, or says who does: one administrator alone does not grant it.
    pub fn needs_second(self) -> bool {
        matches!(self, Self::Approver | Self::AgencyAdmin | Self::SystemAdmin)
    }

    /// Everyone's at an agency and at the operator, and who lets others in at a vendor.
    pub fn needs_factor(self) -> bool {
        self != Self::VendorUser
    }

    /// On screen.
    pub fn title(self) -> &'static str {
        match self {
            Self::Officer => "担当者",
            Self::Approver => "決裁者",
            Self::Auditor => "監査担当",
            Self::AgencyAdmin => "管理者",
            Self::VendorUser => "委託先担当者",
            Self::VendorAdmin => "委託先管理者",
            Self::Overseer => "監督",
            Self::SystemAdmin => "システム管理者",
        }
    }
}

text_enum! {
    /// What a request needs. A route can't be declared without one.
    pub enum Permission {
        /// One's own account and sessions: any signed-in person.
        OwnAccount = "own_account",
        /// What needs oneself today: any signed-in person.
        ReadOverview = "read_overview",
        RegisterOrganization = "register_organization",
        ChangeOrganization = "change_organization",
        /// Of a vendor: the name that the corporate-number register has, and a contact where there is none.
        RecordVendor = "record_vendor",
        ReadOrganizations = "read_organizations",
        ManageUsers = "manage_users",
        ReadUser = "read_user",
        ManageDeputies = "manage_deputies",
        RegisterContract = "register_contract",
        ReadContract = "read_contract",
        ChangeContract = "change_contract",
        TerminateContract = "terminate_contract",
        VoidContract = "void_contract",
        ReadImports = "read_imports",
        HandOver = "hand_over",
        FileApplication = "file_application",
        ReviewApplication = "review_application",
        /// 補正依頼: of whoever reviews, and of whoever decides.
        ReturnApplication = "return_application",
        DecideApplication = "decide_application",
        RevokeConsent = "revoke_consent",
        RecordConsent = "record_consent",
        DraftConsents = "draft_consents",
        ReadConsents = "read_consents",
        Declare = "declare",
        Observe = "observe",
        PlanAudit = "plan_audit",
        ReadAlerts = "read_alerts",
        HandleAlerts = "handle_alerts",
        ReadLedger = "read_ledger",
        ReadSettings = "read_settings",
        ChangeSettings = "change_settings",
        ReadNotices = "read_notices",
        ReadAccessLog = "read_access_log",
        ResendNotice = "resend_notice",
        ReadBackups = "read_backups",
        MoveDemoClock = "move_demo_clock",
    }
}

impl Permission {
    /// The roles that have it.
    pub fn roles(self) -> &'static [Role] {
        use Role::{AgencyAdmin, Approver, Auditor, Officer, Overseer, SystemAdmin, VendorAdmin, VendorUser};
        const AGENCY: &[Role] = &[Officer, Approver, Auditor, AgencyAdmin];
        const VENDOR: &[Role] = &[VendorUser, VendorAdmin];
        const READERS: &[Role] =
            &[Officer, Approver, Auditor, AgencyAdmin, VendorUser, VendorAdmin, Overseer];
        match self {
            Self::OwnAccount | Self::ReadOverview | Self::ReadUser | Self::ReadOrganizations => {
                Role::ALL_ROLES
            }
            Self::RegisterOrganization => &[SystemAdmin, Officer],
            // Whoever is told that a vendor changed, or that nobody of it was told, can act on it.
            Self::RecordVendor => &[SystemAdmin, Officer, AgencyAdmin],
            Self::ManageUsers => &[SystemAdmin, AgencyAdmin, VendorAdmin],
            Self::RegisterContract | Self::ChangeContract | Self::ReviewApplication => &[Officer],
            Self::ReturnApplication | Self::DraftConsents => &[Officer, Approver],
            Self::TerminateContract
            | Self::VoidContract
            | Self::DecideApplication
            | Self::RevokeConsent
            | Self::RecordConsent => &[Approver],
            Self::ReadContract | Self::ReadAlerts | Self::ReadLedger => READERS,
            Self::HandOver | Self::ManageDeputies | Self::ChangeSettings | Self::ResendNotice => {
                &[AgencyAdmin]
            }
            Self::FileApplication | Self::Declare => VENDOR,
            Self::Observe | Self::PlanAudit => &[Officer, Auditor],
            Self::ReadConsents => &[Officer, Approver, Auditor, Overseer],
            Self::HandleAlerts => &[Officer, Approver, Auditor],
            Self::ReadSettings | Self::ReadNotices | Self::ReadImports => AGENCY,
            Self::ReadAccessLog => &[Auditor, AgencyAdmin],
            Self::ChangeOrganization | Self::ReadBackups | Self::MoveDemoClock => &[SystemAdmin],
        }
    }
}

impl Role {
    /// Every role: for what any signed-in person may do.
    pub const ALL_ROLES: &'static [Role] = <Role as crate::domain::text_enum::TextEnum>::ALL;
}

/// The organization a person acts for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ActorOrganization {
    pub id: OrganizationId,
    pub kind: OrganizationKind,
    pub name: String,
}

/// Who is asking, as read from the session's row at this request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Actor {
    pub user_id: UserId,
    pub session_id: SessionId,
    pub name: String,
    pub email: String,
    pub organization: ActorOrganization,
    pub roles: Vec<Role>,
    /// Someone else knows their password: before anything else they set one of their own.
    pub must_change_password: bool,
    /// When they last showed who they are, by the machine's clock: at the login, or asked again since.
    pub authenticated_at: Instant,
    /// They have a second factor.
    pub has_factor: bool,
}

impl Actor {
    /// Whether one of the person's roles has the permission. What is any signed-in person's needs no role: one's first may
    /// still wait for a second administrator.
    pub fn may(&self, permission: Permission) -> bool {
        use Permission::{OwnAccount, ReadOverview, ReadUser};
        matches!(permission, OwnAccount | ReadOverview | ReadUser)
            || self.roles.iter().any(|role| permission.roles().contains(role))
    }

    /// Whether the person holds the role.
    pub fn is(&self, role: Role) -> bool {
        self.roles.contains(&role)
    }

    /// Whether one of the person's roles is such that it needs a second factor, where one is required at all.
    pub fn needs_factor(&self) -> bool {
        self.roles.iter().any(|role| role.needs_factor())
    }

    /// What of contracts, alerts and ledger the person can know of.
    pub fn scope(&self) -> Scope {
        match self.organization.kind {
            OrganizationKind::Agency => Scope::Agency(self.organization.id),
            OrganizationKind::Vendor => Scope::Vendor(self.organization.id),
            OrganizationKind::System if self.is(Role::Overseer) => Scope::Overseer,
            OrganizationKind::System => Scope::Nothing,
        }
    }
}

/// What a finder may find. Finders across tenants take one, so that forgetting it does not compile; what hangs on a row
/// found in scope is loaded by its id.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scope {
    /// Everything of one agency.
    Agency(OrganizationId),
    /// The contracts on whose chain the vendor stands or stood; of those its own branches.
    Vendor(OrganizationId),
    /// Every agency, reading only.
    Overseer,
    /// No contract at all (`system_admin`).
    Nothing,
    /// The program itself: sweep, commands of the operator.
    Program,
}
