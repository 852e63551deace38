//! Who is told beside the holders of a role (`db::user`): a department's address, and the officers over a vendor.

use diesel::prelude::*;

use super::schema::{contracts, departments, engagements};
use super::{Conn, DbError};
use crate::domain::id::{OrganizationId, UserId};

/// The address of a 担当部署, where one is registered under that name.
pub fn department_address(
    conn: &mut Conn,
    agency_id: OrganizationId,
    name: &str,
) -> Result<Option<String>, DbError> {
    Ok(departments::table.find((agency_id, name)).select(departments::email).first(conn).optional()?)
}

/// The responsible officers of an agency's contracts on whose chain the vendor stands.
pub fn officers_over(
    conn: &mut Conn,
    agency_id: OrganizationId,
    vendor_id: OrganizationId,
) -> Result<Vec<UserId>, DbError> {
    let officers: Vec<Option<UserId>> = engagements::table
        .inner_join(contracts::table.on(contracts::id.eq(engagements::contract_id)))
        .filter(engagements::vendor_id.eq(vendor_id))
        .filter(engagements::agency_id.eq(agency_id))
        .filter(contracts::officer_id.is_not_null())
        .select(contracts::officer_id)
        .distinct()
        .load(conn)?;
    Ok(officers.into_iter().flatten().collect())
}
