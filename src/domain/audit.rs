use crate::text_enum;
text_enum! { pub enum AuditKind { OnSite = "on_site", Document = "document", SelfCheck = "self_check" } }
