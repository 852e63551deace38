//! On which day each subject must be looked at again.

use chrono::NaiveDate;
use diesel::prelude::*;

use super::schema::due;
use super::{Conn, DbError};
use crate::domain::id::OrganizationId;

/// Everything of an agency is looked at anew: its settings or closed days changed.
pub fn touch_agency(conn: &mut Conn, agency_id: OrganizationId, today: NaiveDate) -> Result<(), DbError> {
    diesel::update(due::table.filter(due::agency_id.eq(agency_id)).filter(due::check_on.gt(today)))
        .set(due::check_on.eq(today))
        .execute(conn)?;
    Ok(())
}
