//! Joint contracts (連名): gBizINFO publishes one once for each party, with the whole amount, the other parties' names
//! beside it. They are one contract; the party met first stands as its vendor, the others beside it.

use std::collections::BTreeMap;

use super::{ImportedContract, Note, Origin, Outcome};
use crate::domain::text::{company_key, same_company, search_key};

/// Most lines named in a note.
const NAMED: usize = 5;

/// What a published row is whose contract was `taken` from line `first` already: the same company's again, or another
/// party's, whose name is kept beside the vendor. None: no such row.
pub(super) fn meet(
    line: u64,
    first: u64,
    contract: &ImportedContract,
    taken: &mut ImportedContract,
) -> Option<Outcome> {
    if !matches!(contract.origin, Origin::Gbizinfo | Origin::GbizinfoDownload) {
        return None;
    }
    if contract.vendor.corporate_number == taken.vendor.corporate_number {
        return Some(Outcome::Duplicate { line, of: first });
    }
    let own = taken.vendor.name.clone();
    let names = contract.vendor.name.iter().chain(&contract.joint_vendors);
    for name in names.filter(|name| !own.as_ref().is_some_and(|own| same_company(own, name))) {
        // Where the vendor's name is not told, the others' lists are the ones that have it: only the first row's counts.
        let told = own.is_some() || contract.vendor.name.as_ref() == Some(name);
        if told && !taken.joint_vendors.iter().any(|known| same_company(known, name)) {
            taken.joint_vendors.push(name.clone());
        }
    }
    Some(Outcome::Joined { line, into: first })
}

/// A published contract that names no other party, by all but its company.
pub(super) fn alike(contract: &ImportedContract) -> Option<String> {
    let published = matches!(contract.origin, Origin::Gbizinfo | Origin::GbizinfoDownload);
    (published && contract.joint_vendors.is_empty()).then(|| {
        let of: Vec<String> = contract.agencies.names.iter().map(|name| company_key(name)).collect();
        [
            contract.signed_on.to_string(),
            search_key(&contract.title),
            contract.amount_yen.to_string(),
            of.join("/"),
        ]
        .join("\u{1f}")
    })
}

/// That two rows may be one joint contract, though neither names another party.
pub(super) fn looks_joint(line: u64, other: u64) -> Note {
    let message = format!(
        "{other}行目と受注日・件名・金額・組織が同じで、法人番号だけが違います。単価契約などと見て、別の契約として扱います。共同で受けた1件の契約なら、どちらかの行を除いてください。"
    );
    Note { line, message }
}

/// Which rows were joined, a note a contract.
pub(super) fn notes(outcomes: &[Outcome]) -> Vec<Note> {
    let mut joined: BTreeMap<u64, Vec<u64>> = BTreeMap::new();
    for outcome in outcomes {
        if let Outcome::Joined { line, into } = outcome {
            joined.entry(*into).or_default().push(*line);
        }
    }
    let told = |(line, others): (u64, Vec<u64>)| {
        let named: Vec<String> = others.iter().take(NAMED).map(|other| format!("{other}行目")).collect();
        let more = others.len().saturating_sub(NAMED);
        let more = if more > 0 { format!("ほか{more}行") } else { String::new() };
        let message = format!(
            "{}{more}は、この契約の共同受託者の行です。1件の契約にまとめ、金額は1回だけ数えます。",
            named.join("、")
        );
        Note { line, message }
    };
    joined.into_iter().map(told).collect()
}
