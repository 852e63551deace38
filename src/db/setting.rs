//! The settings of an agency.

use diesel::prelude::*;

use super::schema::agency_settings::dsl;
use super::types::from_json;
use super::{Conn, DbError};
use crate::domain::id::OrganizationId;
use crate::domain::settings::Settings;

/// What the agency has set; the defaults where it has set nothing.
pub fn load(conn: &mut Conn, agency_id: OrganizationId) -> Result<Settings, DbError> {
    let body: Option<String> = dsl::agency_settings.find(agency_id).select(dsl::body).first(conn).optional()?;
    body.map_or_else(|| Ok(Settings::default()), |body| from_json(&body))
}
