use crate::text_enum;
text_enum! { pub enum AlertKind { UnapprovedSubcontractor = "unapproved_subcontractor" } }
text_enum! { pub enum Severity { Info = "info", Warning = "warning", Critical = "critical" } }
text_enum! { pub enum AlertState { Open = "open", Acknowledged = "acknowledged", Resolved = "resolved" } }
text_enum! { pub enum Assessment { Suspected = "suspected" } }
