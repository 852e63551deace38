//! Which vendor is meant where one is named: by id, or in words with or without its 法人番号; and what becomes of a name
//! that is not the one it is known by.

mod merge;

use serde_json::json;

pub use merge::{MergeInput, MergedView, merge};

use crate::db::engagement_name::NewEngagementName;
use crate::db::organization::{NewOrganization, OrganizationRow};
use crate::db::{self, Conn, DbError, Tx};
use crate::domain::access::OrganizationKind;
use crate::domain::chain::{Engagement, Known};
use crate::domain::company::{Likeness, NamedIn, head_office, is_placeholder, likeness, may_be_one};
use crate::domain::corporate_number::CorporateNumber;
use crate::domain::id::{ContractId, EngagementId, OrganizationId};
use crate::domain::limits::MAX_COMPANY;
use crate::domain::text::{company_key, same_company, search_key};
use crate::input;
use crate::ledger::entry::{salt_hash, salted};
use crate::service::organization::{insert, number_in, record_change};
use crate::service::{Failure, alert};

input! {
    /// A vendor named where it is needed, registered or not.
    pub struct InlineVendor {
        name: String => company_name(MAX_COMPANY),
        corporate_number: Option<CorporateNumber> => optional(corporate_number()),
        country: String => country(),
        address: Option<String> => optional(text(1, 300)),
    }
    check |it, errors| {
        errors.extend(number_in(Some(&it.name)));
    }
}

/// What becomes of a name that is quite another than the one that its number is known by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Names {
    /// It is refused: a slip of 0 and 9 passes the check digit of a 法人番号.
    Compared,
    /// It is recorded as it was said, and told to the officer: what is declared or seen is never refused for a name.
    Recorded,
}

/// A vendor as a body names it: by id or in words; both may say the same.
#[derive(Debug, Clone, Copy)]
pub struct NamedVendor<'a> {
    pub id: Option<OrganizationId>,
    pub inline: Option<&'a InlineVendor>,
    /// Not the company of the same name that is there already.
    pub distinct: bool,
    pub names: Names,
    /// Where in the body.
    pub at: &'a str,
}

/// A name other than the one that a company is known by.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OtherName {
    pub name: String,
    pub likeness: Likeness,
}

/// The words are another company's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AnothersName;

/// Vendors of one name that are told apart; more are not listed.
pub const CANDIDATES: i64 = 6;

impl NamedVendor<'_> {
    /// The vendor that is meant, registered on the transaction's chain where it is new, and the name that it was given
    /// where that is not the one it is known by.
    ///
    /// # Errors
    ///
    /// No such vendor, two that contradict each other, another company's number (`name_mismatch`), or several of the name
    /// (`which`).
    pub fn find(&self, tx: &mut Tx<'_>) -> Result<(OrganizationRow, Option<OtherName>), Failure> {
        let pointer = format!("{}/vendor_id", self.at);
        match (self.id, self.inline) {
            (Some(id), inline) => {
                let row = must_be_vendor(tx.conn, id, &pointer)?;
                match inline {
                    Some(inline) => inline.beside_id(tx, row, self.names, "vendor_id", self.at),
                    None => Ok((row, None)),
                }
            }
            (None, Some(inline)) => match inline.corporate_number {
                Some(number) => inline.by_number(tx, number, self.names),
                None => Ok((inline.by_name(tx, self.distinct, self.at)?, None)),
            },
            (None, None) => Err(Failure::field(&pointer, "required", "事業者を指定してください。")),
        }
    }

    /// Of the vendor found, or still to be registered: its id, name and number. Asks which is meant where a company of the same name stands under the parent already, with a number that the vendor
    /// named has not, or without the one that it has: one company on two places would be approved on the one and in use on
    /// the other.
    pub fn refuse_same_company(
        &self,
        known: &Known<'_>,
        parent: &Engagement,
        vendor: (Option<OrganizationId>, &str, Option<&str>),
    ) -> Result<(), Failure> {
        let (id, name, number) = vendor;
        if self.distinct {
            return Ok(());
        }
        let siblings: Vec<&Engagement> =
            known.engagements().filter(|e| e.parent_id == Some(parent.id)).collect();
        let is_it = |e: &&Engagement| match id {
            Some(id) => e.vendor.id == id,
            None => e.vendor.corporate_number.as_deref() == number && same_company(&e.vendor.name, name),
        };
        if siblings.iter().any(is_it) {
            return Ok(());
        }
        let same = siblings.into_iter().find(|e| {
            let both_numbered = e.vendor.corporate_number.is_some() && number.is_some();
            !both_numbered && may_be_one(&e.vendor.name, name)
        });
        let Some(same) = same else { return Ok(()) };
        let number = same.vendor.corporate_number.as_ref().map(|number| format!("法人番号 {number}"));
        let message = format!(
            "この体制には、よく似た名称の「{}」（{}）がすでにあります。同じ事業者であれば、その再委託先を選んでください（API では engagement_id）。別の事業者であれば、別の事業者であることを指定してください（API では distinct: true）。",
            same.vendor.name,
            number.as_deref().unwrap_or("法人番号なし"),
        );
        let field = if self.inline.is_some() { "vendor/name" } else { "vendor_id" };
        Err(Failure::field(&format!("{}/{field}", self.at), "same_company", message))
    }
}

impl InlineVendor {
    /// As [`NamedVendor::find`], of the words that stand beside an id, which `field` gives: the company has its first name
    /// by them, if it had none.
    pub fn beside_id(
        &self,
        tx: &mut Tx<'_>,
        row: OrganizationRow,
        names: Names,
        field: &str,
        at: &str,
    ) -> Result<(OrganizationRow, Option<OtherName>), Failure> {
        let number = row.corporate_number.as_deref();
        let Ok(other) = self.beside(&row.name, number, names) else {
            let message =
                format!("{field} の示す事業者と食い違っています。どちらか一方だけを指定してください。");
            return Err(Failure::field(&format!("{at}/vendor"), "contradiction", message));
        };
        let Some(number) = self.corporate_number.filter(|_| is_placeholder(&row.name, number)) else {
            return Ok((row, other));
        };
        let register = names_in_register(tx.conn, number)?;
        let after = OrganizationRow { name: first_name(&register, &self.name), ..row.clone() };
        let row = record_change(tx, &row, after)?;
        let other = other.filter(|other| !same_company(&other.name, &row.name));
        Ok((row, other))
    }

    /// The name, where it stands beside an id and is not the one that the company is known by, with a number that is not
    /// recorded.
    ///
    /// # Errors
    ///
    /// It is another company's.
    pub fn beside(
        &self,
        name: &str,
        number: Option<&str>,
        names: Names,
    ) -> Result<Option<OtherName>, AnothersName> {
        let given = self.corporate_number.as_ref().map(CorporateNumber::as_str);
        if given.zip(number).is_some_and(|(given, known)| given != known) {
            return Err(AnothersName);
        }
        let unknown = given.filter(|_| number.is_none());
        let likeness = if is_placeholder(name, number) {
            Likeness::Akin
        } else if given.is_some() && number.is_some() || same_company(name, &self.name) {
            likeness(name, &self.name)
        } else if may_be_one(name, &self.name) {
            Likeness::Akin
        } else {
            Likeness::Other
        };
        match (likeness, names) {
            (Likeness::Other, Names::Compared) => Err(AnothersName),
            (Likeness::Same, _) if unknown.is_none() => Ok(None),
            _ => {
                let unknown = unknown.map(|number| format!("（法人番号 {number}）")).unwrap_or_default();
                Ok(Some(OtherName { name: format!("{}{unknown}", self.name), likeness }))
            }
        }
    }

    /// The company of the number, by whatever name.
    fn by_number(
        &self,
        tx: &mut Tx<'_>,
        number: CorporateNumber,
        names: Names,
    ) -> Result<(OrganizationRow, Option<OtherName>), Failure> {
        let known = db::organization::by_corporate_number(tx.conn, number)?;
        if let Some(known) = &known
            && known.kind != OrganizationKind::Vendor
        {
            let message = format!("法人番号は機関「{}」のものです。事業者を指定してください。", known.name);
            return Err(Failure::conflict("not_a_vendor", message));
        }
        let register = names_in_register(tx.conn, number)?;
        let here = known.as_ref().filter(|row| !is_placeholder(&row.name, Some(number.as_str())));
        let here = here.map(|row| row.name.clone());
        let alike = here.iter().chain(&register).map(|name| likeness(name, &self.name)).max();
        if alike == Some(Likeness::Other) && names == Names::Compared {
            let message = match (&here, register.first()) {
                (Some(here), _) => format!(
                    "この法人番号の事業者は「{here}」として登録されています。名称または番号を確かめてください。"
                ),
                (None, Some(registered)) => other_name(registered),
                (None, None) => String::new(),
            };
            return Err(Failure::conflict("name_mismatch", message));
        }
        let row = match known {
            Some(known) if here.is_none() => {
                let after = OrganizationRow { name: first_name(&register, &self.name), ..known.clone() };
                record_change(tx, &known, after)?
            }
            Some(known) => known,
            None => self.register(tx, &first_name(&register, &self.name))?,
        };
        let other = (!same_company(&row.name, &self.name))
            .then(|| OtherName { name: self.name.clone(), likeness: alike.unwrap_or(Likeness::Akin) });
        Ok((row, other))
    }

    /// The company of that name and country without a number; of several, that of the address.
    fn by_name(&self, tx: &mut Tx<'_>, distinct: bool, at: &str) -> Result<OrganizationRow, Failure> {
        let country = Some(self.country.as_str());
        let mut found = if distinct {
            Vec::new()
        } else {
            db::organization::unnumbered_vendors(tx.conn, &self.name, country, CANDIDATES)?
        };
        if found.len() > 1 {
            let here = self.address.as_deref().map(search_key);
            let is_there =
                |row: &OrganizationRow| here.is_some() && row.address.as_deref().map(search_key) == here;
            if found.iter().filter(|row| is_there(row)).count() != 1 {
                return Err(which(tx, &found, at)?);
            }
            found.retain(is_there);
        }
        match found.into_iter().next() {
            Some(row) => Ok(row),
            None => self.register(tx, &self.name),
        }
    }

    fn register(&self, tx: &mut Tx<'_>, name: &str) -> Result<OrganizationRow, Failure> {
        let id = tx.new_id();
        let salt = tx.sources.token();
        let new = NewOrganization {
            id,
            kind: OrganizationKind::Vendor,
            code: None,
            name,
            corporate_number: self.corporate_number,
            country: &self.country,
            address: self.address.as_deref(),
            contact_email: None,
            salt: &salt,
        };
        match insert(tx, &new) {
            // Another contract's transaction registered the number meanwhile: once more, and it is found.
            Err(DbError::NotUnique(_)) => Err(Failure::TwinRequest),
            done => Ok(done.and_then(|()| db::organization::find(tx.conn, id))?),
        }
    }
}

/// Asks which of several is meant. Their addresses, which may be people's, are told to the agency's side only.
fn which(tx: &mut Tx<'_>, found: &[OrganizationRow], at: &str) -> Result<Failure, DbError> {
    let asking = match tx.author {
        Some(author) => db::organization::find(tx.conn, author.organization_id)?.kind,
        None => OrganizationKind::System,
    };
    let one = |row: &OrganizationRow| {
        let address = row.address.as_deref().unwrap_or("所在地の登録なし");
        format!("「{}」（{address}、{}）", row.name, row.id)
    };
    let listed = match asking {
        OrganizationKind::Vendor => String::new(),
        OrganizationKind::Agency | OrganizationKind::System => {
            format!(": {}", found.iter().map(one).collect::<Vec<_>>().join("、"))
        }
    };
    let message = format!(
        "同じ名称の、法人番号のない事業者が{}件登録されています{listed}。登録された所在地を正しく入力するか、法人番号を入力してください。どれとも別の事業者であれば、別の事業者であることを指定してください（API では distinct: true）。",
        found.len()
    );
    Ok(Failure::field(&format!("{at}/vendor/name"), "which", message))
}

/// What a company is called from now on that had no name here: as the register has it, spelled as given where that is
/// the same, else the head office's.
pub fn first_name(register: &[String], given: &str) -> String {
    match register.first() {
        Some(registered) if !same_company(registered, given) => registered.clone(),
        Some(_) => given.to_owned(),
        None => head_office(given).unwrap_or(given).to_owned(),
    }
}

/// What is said where the register has another name.
pub(super) fn other_name(registered: &str) -> String {
    format!("法人番号公表サイトの名称は「{registered}」です。名称または番号を確かめてください。")
}

/// The names that the corporate-number register has, or had, for the number; the latest first.
pub(super) fn names_in_register(conn: &mut Conn, number: CorporateNumber) -> Result<Vec<String>, DbError> {
    let mut names = db::register::names_of(conn, &[number.as_str()])?;
    Ok(names.remove(number.as_str()).unwrap_or_default())
}

/// The id of a registered vendor; any is accepted, only the listing is scoped. One that was merged is the other.
pub(super) fn must_be_vendor(
    conn: &mut Conn,
    id: OrganizationId,
    pointer: &str,
) -> Result<OrganizationRow, Failure> {
    match db::organization::find(conn, id) {
        Ok(OrganizationRow { merged_into: Some(into), .. }) if into != id => {
            must_be_vendor(conn, into, pointer)
        }
        Ok(row) if row.kind == OrganizationKind::Vendor => Ok(row),
        Ok(_) | Err(DbError::NotFound) => {
            Err(Failure::field(pointer, "unknown", "登録された事業者ではありません。"))
        }
        Err(error) => Err(error.into()),
    }
}

/// Records under which name the company at a place was named, once a name, and tells the officer of one that is quite
/// another. After the place is written.
pub fn record_name(
    tx: &mut Tx<'_>,
    contract: ContractId,
    place: EngagementId,
    named_in: NamedIn,
    other: &OtherName,
) -> Result<(), Failure> {
    let key = company_key(&other.name);
    let known = db::engagement_name::of_contract(tx.conn, contract)?;
    if known.iter().any(|row| row.engagement_id == place && company_key(&row.name) == key) {
        return Ok(());
    }
    let salt = tx.sources.token();
    let new = NewEngagementName {
        contract_id: contract,
        engagement_id: place,
        named_in,
        likeness: other.likeness,
        name: &other.name,
        salt: &salt,
    };
    // The name may be a person's: hashed, so that it can be erased.
    let payload = json!({
        "engagement_id": place, "named_in": named_in, "likeness": other.likeness,
        "name_hash": salted(&salt, &other.name), "salt_hash": salt_hash(&salt),
    });
    let recorded = tx.record("engagement.named", place, &payload)?;
    db::engagement_name::add(tx, new, &recorded)?;
    if other.likeness == Likeness::Other {
        alert::tell_named_otherwise(tx, contract, place, named_in, &other.name)?;
    }
    Ok(())
}
