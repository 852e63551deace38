//! The register of agencies and vendors.

use std::collections::HashMap;
use std::str::FromStr;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::register::tell_recorded;
use super::vendor::{names_in_register, other_name};
use super::{App, Call, Failure, IfMatch, Page, Paged};
use crate::db::organization::{NewOrganization, OrganizationFilter, OrganizationRow};
use crate::db::{self, ChainKey, DbError, Tx};
use crate::domain::access::{OrganizationKind, Role, Scope};
use crate::domain::company::{Likeness, likeness};
use crate::domain::corporate_number::{self, CorporateNumber};
use crate::domain::id::OrganizationId;
use crate::domain::input::FieldError;
use crate::domain::limits::MAX_COMPANY;
use crate::domain::text::same_company;
use crate::input;
use crate::ledger::entry::{instant_text, salt_hash, salted};

/// The operator of the installation: one, the same everywhere.
const SYSTEM_ID: &str = "00000000-0000-7000-8000-000000000001";
const SYSTEM_NAME: &str = "運営";

input! {
    /// An organization to be registered.
    pub struct OrganizationInput {
        kind: OrganizationKind => word::<OrganizationKind>(),
        name: String => company_name(MAX_COMPANY),
        /// Agencies only, and needed there.
        code: Option<String> => optional(text(1, 40)),
        corporate_number: Option<CorporateNumber> => optional(corporate_number()),
        country: String => country(),
        address: Option<String> => optional(text(1, 300)),
        contact_email: Option<String> => optional(email()),
        /// A vendor of the same name without a number is another company.
        distinct: bool => or(flag(), false),
    }
    check |it, errors| {
        let mut say = |pointer: &str, code, message: &str| errors.push(FieldError::new(pointer, code, message));
        match (it.kind, &it.code) {
            (OrganizationKind::System, _) => say("/kind", "choice", "agency、vendor のいずれかを指定してください。"),
            (OrganizationKind::Agency, None) => say("/code", "required", "機関には機関コードを入力してください。"),
            (OrganizationKind::Vendor, Some(_)) => {
                say("/code", "not_allowed", "機関コードは機関だけのものです。事業者には指定できません。");
            }
            _ => {}
        }
        errors.extend(number_in(Some(&it.name)));
    }
}

/// A number within a name would be read as one that has been looked at: pages write the 法人番号 behind the name.
pub(super) fn number_in(name: Option<&str>) -> Option<FieldError> {
    let message = "名称の中に法人番号があります。番号は法人番号の欄に入力してください。";
    name.filter(|name| corporate_number::is_told_in(name))
        .map(|_| FieldError::new("/name", "number_in_name", message))
}

input! {
    /// What of an organization can be changed.
    pub struct OrganizationChange {
        name: Option<String> => optional(company_name(MAX_COMPANY)),
        /// Of a vendor that has none; a number that is recorded stays.
        corporate_number: Option<CorporateNumber> => optional(corporate_number()),
        address: Option<String> => optional(text(1, 300)),
        contact_email: Option<String> => optional(email()),
    }
    check |it, errors| {
        errors.extend(number_in(it.name.as_deref()));
    }
}

/// An organization of the register.
#[derive(Debug, Clone, Serialize, Deserialize, utoipa::ToSchema)]
pub struct OrganizationView {
    pub id: OrganizationId,
    pub kind: OrganizationKind,
    pub name: String,
    pub code: Option<String>,
    pub corporate_number: Option<String>,
    pub country: String,
    pub address: Option<String>,
    pub contact_email: Option<String>,
    /// The vendor that it turned out to be, and whose it is called by since.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub merged_into: Option<OrganizationId>,
    pub created_at: DateTime<Utc>,
    /// What someone should look at; nothing stands in the way.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub warnings: Vec<String>,
    /// Other organizations whose names look like this one, told where it is registered or named anew.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub similar: Vec<SimilarName>,
}

/// An organization whose name looks like another's.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct SimilarName {
    pub id: OrganizationId,
    pub kind: OrganizationKind,
    pub name: String,
    pub corporate_number: Option<String>,
}

impl SimilarName {
    /// The name, and the number behind it.
    pub fn told(&self) -> String {
        let number = self.corporate_number.as_deref().map(|number| format!("法人番号 {number}"));
        format!("「{}」（{}）", self.name, number.as_deref().unwrap_or("法人番号なし"))
    }
}

/// Names told beside one that looks like them; more are not looked at one by one.
const SIMILAR_TOLD: i64 = 5;

/// Whose names look like this organization's.
pub fn similar_to(conn: &mut db::Conn, id: OrganizationId, name: &str) -> Result<Vec<SimilarName>, DbError> {
    let found = db::organization::similar(conn, id, name, SIMILAR_TOLD)?;
    let told = |row: OrganizationRow| SimilarName {
        id: row.id,
        kind: row.kind,
        name: row.name,
        corporate_number: row.corporate_number,
    };
    Ok(found.into_iter().map(told).collect())
}

/// Whose names look like that of an organization the caller has been shown. A vendor is not told: it does not know the
/// register.
pub fn similar(app: &App, call: &Call, of: &OrganizationView) -> Result<Vec<SimilarName>, Failure> {
    if matches!(call.scope(), Scope::Vendor(_)) {
        return Ok(Vec::new());
    }
    Ok(app.db.read_one::<_, DbError>(|conn| similar_to(conn, of.id, &of.name))?)
}

impl From<OrganizationRow> for OrganizationView {
    fn from(row: OrganizationRow) -> Self {
        Self {
            id: row.id,
            kind: row.kind,
            name: row.name,
            code: row.code,
            corporate_number: row.corporate_number,
            country: row.country,
            address: row.address,
            contact_email: row.contact_email,
            merged_into: row.merged_into,
            created_at: row.created_at.and_utc(),
            warnings: Vec::new(),
            similar: Vec::new(),
        }
    }
}

/// Registers an organization; its ledger begins with that. Answers it and its version.
pub fn register(
    app: &App,
    call: &Call,
    input: &OrganizationInput,
) -> Result<(OrganizationView, i64), Failure> {
    if input.kind == OrganizationKind::Agency && !call.actor.is(Role::SystemAdmin) {
        return Err(Failure::Forbidden("機関を登録できるのはシステム管理者だけです。".to_owned()));
    }
    let id: OrganizationId = app.sources.new_id();
    app.act(call, ChainKey::New { id: id.cast(), organization_id: id }, |tx| {
        check_free(tx, input)?;
        let salt = tx.sources.token();
        let new = NewOrganization {
            id,
            kind: input.kind,
            code: input.code.as_deref(),
            name: &input.name,
            corporate_number: input.corporate_number,
            country: &input.country,
            address: input.address.as_deref(),
            contact_email: input.contact_email.as_deref(),
            salt: &salt,
        };
        insert(tx, &new)?;
        let row = db::organization::find(tx.conn, id)?;
        let version = row.version;
        let mut view = OrganizationView::from(row);
        if let Some(number) = input.corporate_number {
            view.warnings = differs_from_register(tx, number, &input.name)?;
        }
        view.similar = similar_to(tx.conn, id, &input.name)?;
        Ok((view, version))
    })
}

fn check_free(tx: &mut Tx<'_>, input: &OrganizationInput) -> Result<(), Failure> {
    if let Some(code) = &input.code
        && let Some(other) = db::organization::by_code(tx.conn, code)?
    {
        return Err(Failure::conflict(
            "code_taken",
            format!("機関コード {code} は「{}」が使っています。", other.name),
        ));
    }
    match input.corporate_number {
        Some(number) => {
            if let Some(other) = db::organization::by_corporate_number(tx.conn, number)? {
                let message = format!("法人番号 {number} は「{}」として登録されています。", other.name);
                return Err(Failure::conflict("corporate_number_taken", message));
            }
        }
        None if input.kind == OrganizationKind::Vendor && !input.distinct => {
            if let Some(other) = db::organization::unnumbered_vendors(tx.conn, &input.name, None, 1)?.first()
            {
                let message = format!(
                    "同じ名称の事業者「{}」が法人番号なしで登録されています。別の事業者であれば「同じ名称の別の事業者として登録する」（API では distinct: true）を指定してください。",
                    other.name
                );
                return Err(Failure::conflict("same_name", message));
            }
        }
        None => {}
    }
    Ok(())
}

fn differs_from_register(
    tx: &mut Tx<'_>,
    number: CorporateNumber,
    name: &str,
) -> Result<Vec<String>, Failure> {
    let names = names_in_register(tx.conn, number)?;
    let other = names.first().filter(|registered| likeness(registered, name) != Likeness::Same);
    Ok(other.map(|registered| other_name(registered)).into_iter().collect())
}

/// Name, address and contact as a payload keeps them: in clear where they are public; those of a vendor without a
/// 法人番号, who may be a person (個人事業主), hashed, and the contact, which may be a person's, always.
fn identity(
    kind: OrganizationKind,
    has_number: bool,
    name: &str,
    address: Option<&str>,
    contact: Option<&str>,
    salt: &str,
) -> Map<String, Value> {
    let hidden = !is_public(kind, has_number);
    let entry = |key: &str, text: Option<&str>| match text {
        Some(text) if hidden => (format!("{key}_hash"), json!(salted(salt, text))),
        text => (key.to_owned(), json!(text)),
    };
    let contact = ("contact_email_hash".to_owned(), json!(contact.map(|text| salted(salt, text))));
    Map::from_iter([entry("name", Some(name)), entry("address", address), contact])
}

/// Writes the row and the entry, on the transaction's chain.
pub fn insert(tx: &mut Tx<'_>, new: &NewOrganization<'_>) -> Result<(), DbError> {
    let has_number = new.corporate_number.is_some();
    let mut payload = identity(new.kind, has_number, new.name, new.address, new.contact_email, new.salt);
    let created_at = tx.sources.clock.now();
    payload.insert("salt_hash".to_owned(), json!(salt_hash(new.salt)));
    payload.insert("created_at".to_owned(), json!(instant_text(created_at)));
    payload.insert("kind".to_owned(), json!(new.kind));
    payload.insert("code".to_owned(), json!(new.code));
    payload.insert("corporate_number".to_owned(), json!(new.corporate_number));
    payload.insert("country".to_owned(), json!(new.country));
    // The row first: the entry of a chain of its own refers to it.
    db::organization::insert(tx.conn, new, created_at)?;
    tx.record("organization.registered", new.id, &payload)?;
    Ok(())
}

/// Whether name and address may stand in the ledger for ever. A vendor without a 法人番号 may be a person
/// (個人事業主): what is told of people stays outside the payloads, so that it can be erased.
fn is_public(kind: OrganizationKind, has_number: bool) -> bool {
    kind != OrganizationKind::Vendor || has_number
}

/// One organization, if the caller may know of it, and its version.
pub fn find(app: &App, call: &Call, id: OrganizationId) -> Result<(OrganizationView, i64), Failure> {
    let filter = OrganizationFilter { id: Some(id), ..OrganizationFilter::default() };
    let rows =
        app.db.read_one::<_, DbError>(|conn| db::organization::list(conn, call.scope(), &filter, 1))?;
    let row = rows.into_iter().next().ok_or(Failure::NotFound)?;
    let version = row.version;
    Ok((row.into(), version))
}

/// The names of organizations that the caller has been shown by their ids.
pub fn names(app: &App, ids: &[OrganizationId]) -> Result<HashMap<OrganizationId, String>, Failure> {
    Ok(app.db.read_one::<_, DbError>(|conn| db::organization::names(conn, ids))?)
}

/// The register as the caller may know it.
pub fn list(
    app: &App,
    call: &Call,
    text: Option<&str>,
    kind: Option<OrganizationKind>,
    page: &Page,
) -> Result<Paged<OrganizationView>, Failure> {
    let filter =
        OrganizationFilter { id: None, kind, text: text.map(str::to_owned), after: page.after_id()? };
    let rows = app
        .db
        .read_one::<_, DbError>(|conn| db::organization::list(conn, call.scope(), &filter, page.rows()))?;
    Ok(Paged::cut(page, rows, |row| row.id.to_string(), OrganizationView::from))
}

/// Changes name, address or contact.
pub fn change(
    app: &App,
    call: &Call,
    id: OrganizationId,
    version: &IfMatch,
    input: &OrganizationChange,
) -> Result<(OrganizationView, i64), Failure> {
    let changed = app.act_on_organization(call, id, |tx| {
        let before = db::organization::find(tx.conn, id)?;
        version.covers(before.version)?;
        let mut row = before.clone();
        if let Some(number) = input.corporate_number {
            check_number(tx.conn, &before, number)?;
            row.corporate_number = Some(number.to_string());
        }
        row.name = input.name.clone().unwrap_or(row.name);
        row.address = input.address.clone().or(row.address);
        row.contact_email = input.contact_email.clone().or(row.contact_email);
        if !call.actor.is(Role::SystemAdmin) {
            check_agencys(tx, call, &before, &row)?;
        }
        let row = record_change(tx, &before, row)?;
        let version = row.version;
        let mut view = OrganizationView::from(row);
        if view.name != before.name {
            view.similar = similar_to(tx.conn, id, &view.name)?;
        }
        Ok((view, version))
    })?;
    tell_recorded(app, id);
    Ok(changed)
}

/// What an agency's people may record of a vendor, which other agencies know as well: the name that the register has, and
/// a contact where it stands on no other agency's chain.
fn check_agencys(
    tx: &mut Tx<'_>,
    call: &Call,
    before: &OrganizationRow,
    after: &OrganizationRow,
) -> Result<(), Failure> {
    let refused = |code, message: &str| Err(Failure::conflict(code, message));
    if before.kind != OrganizationKind::Vendor {
        return refused(
            "not_a_vendor",
            "変更できるのは事業者だけです。機関の変更は、システム管理者に依頼してください。",
        );
    }
    if after.address != before.address || after.corporate_number != before.corporate_number {
        return refused(
            "not_yours",
            "所在地と法人番号の変更は、ほかの機関にも及ぶため、システム管理者に依頼してください。",
        );
    }
    if after.name != before.name {
        let record = match &before.corporate_number {
            Some(number) => db::register::record(tx.conn, number)?,
            None => None,
        };
        if record.is_none_or(|record| !same_company(&record.name, &after.name)) {
            return refused(
                "not_in_register",
                "記録できる名称は、取り込まれている法人番号公表サイトの名称だけです。ほかの名称への変更は、システム管理者に依頼してください。",
            );
        }
    }
    if after.contact_email != before.contact_email
        && db::organization::is_known_elsewhere(tx.conn, before.id, call.actor.organization.id)?
    {
        return refused(
            "known_elsewhere",
            "この事業者は、ほかの機関の契約の体制にもいます。連絡先の変更は、システム管理者に依頼してください。",
        );
    }
    Ok(())
}

/// A number for a vendor that had none.
fn check_number(
    conn: &mut db::Conn,
    before: &OrganizationRow,
    number: CorporateNumber,
) -> Result<(), Failure> {
    match &before.corporate_number {
        Some(known) if known == number.as_str() => return Ok(()),
        Some(known) => {
            let message = format!(
                "法人番号{known}が記録されています。記録された法人番号は変えられません。別の事業者であれば、新しく登録してください。"
            );
            return Err(Failure::field("/corporate_number", "recorded", message));
        }
        None if before.kind != OrganizationKind::Vendor => {
            let message = "法人番号を後から記録できるのは事業者だけです。";
            return Err(Failure::field("/corporate_number", "not_allowed", message));
        }
        None => {}
    }
    match db::organization::by_corporate_number(conn, number)? {
        Some(other) => {
            let message = format!("法人番号{number}は「{}」として登録されています。", other.name);
            Err(Failure::field("/corporate_number", "corporate_number_taken", message))
        }
        None => Ok(()),
    }
}

/// Writes an organization as it is from now on, with an entry on the transaction's chain, if anything of it changed.
/// Answers the row with its version. The entry says the version that it leads to: entries about a vendor stand on several
/// chains, and the version is their order.
pub(crate) fn record_change(
    tx: &mut Tx<'_>,
    before: &OrganizationRow,
    after: OrganizationRow,
) -> Result<OrganizationRow, Failure> {
    let contact_changed = after.contact_email != before.contact_email;
    let numbered = after.corporate_number.is_some();
    let same = after.name == before.name
        && after.address == before.address
        && after.corporate_number == before.corporate_number
        && after.merged_into == before.merged_into
        && !contact_changed;
    if same {
        return Ok(after);
    }
    let (address, contact) = (after.address.as_deref(), after.contact_email.as_deref());
    let mut payload = identity(after.kind, numbered, &after.name, address, contact, &after.salt);
    payload.insert("contact_changed".to_owned(), json!(contact_changed));
    payload.insert("corporate_number".to_owned(), json!(after.corporate_number));
    payload.insert("merged_into".to_owned(), json!(after.merged_into));
    payload.insert("version".to_owned(), json!(before.version + 1));
    let written = OrganizationRow { version: before.version + 1, ..after };
    if !db::organization::update(tx.conn, &written, before.version)? {
        // Another chain's transaction changed it meanwhile: once more, on what it left.
        return Err(Failure::TwinRequest);
    }
    tx.record("organization.changed", written.id, &payload)?;
    Ok(written)
}

/// The operator's organization, whether or not it has been made.
pub fn system_id() -> Result<OrganizationId, Failure> {
    OrganizationId::from_str(SYSTEM_ID).map_err(|e| Failure::Internal(e.to_string()))
}

/// The operator's organization, made at first need.
pub fn ensure_system(app: &App) -> Result<OrganizationId, Failure> {
    let id = system_id()?;
    let exists = |app: &App| app.db.read_one(|conn| db::organization::has_chain(conn, id));
    if exists(app)? {
        return Ok(id);
    }
    let chain = ChainKey::New { id: id.cast(), organization_id: id };
    let made = app.db.write_tx(&app.sources, None, chain, |tx| {
        let salt = tx.sources.token();
        let new = NewOrganization {
            id,
            kind: OrganizationKind::System,
            code: None,
            name: SYSTEM_NAME,
            corporate_number: None,
            country: "JP",
            address: None,
            contact_email: None,
            salt: &salt,
        };
        insert(tx, &new)
    });
    match made {
        // Another process was first.
        Err(DbError::NotUnique(_)) if exists(app)? => Ok(id),
        made => Ok(made.map(|()| id)?),
    }
}
