//! A vendor's branch in SQL: its places and those below them, on every contract. Bind the vendor's id between the two.

/// Begins a query over `seen (id, contract_id)`.
pub(super) const SEEN_FROM: &str = "WITH RECURSIVE seen (id, contract_id) AS \
    (SELECT e.id, e.contract_id FROM engagements e WHERE e.vendor_id = ";

/// After the vendor's id; a SELECT follows.
pub(super) const SEEN_BELOW: &str = " UNION SELECT e.id, e.contract_id FROM engagements e \
    JOIN seen s ON e.contract_id = s.contract_id AND e.parent_id = s.id) ";
