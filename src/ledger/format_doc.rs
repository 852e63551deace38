//! Holds `docs/ledger-format.md` to the code: its worked example is made here and must stand there, byte for
//! byte.

use serde_json::json;

use super::{
    entry::{Draft, Entry, NO_HASH, Payload, seal, tests::id},
    receipt::{SigningKey, signed_text},
};

const DOC: &str = include_str!("../../docs/ledger-format.md");

fn example() -> (SigningKey, Vec<Entry>) {
    let key = SigningKey::from_bytes(&std::array::from_fn(|i| u8::try_from(i).unwrap()));
    let first = Draft {
        id: id(0xe1),
        chain_id: id(0xa1),
        organization_id: id(0xa1),
        seq: 1,
        at: "2026-04-01T00:00:00Z".parse().unwrap(),
        actor_id: None,
        actor_organization_id: None,
        action: "signing_key.registered".into(),
        subject_id: id(0xa1),
        payload: Payload::new(&key.registration()).unwrap(),
    };
    let payload =
        json!({"kind": "vendor", "name": "株式会社\"見本\"", "lines": "一\n二", "vendor_id": id::<()>(0xb1)});
    let second = Draft {
        id: id(0xe2),
        seq: 2,
        at: "2026-04-01T00:30:00.000001Z".parse().unwrap(),
        actor_id: Some(id(0x51)),
        actor_organization_id: Some(id(0xa1)),
        action: "organization.registered".into(),
        subject_id: id(0xb1),
        payload: Payload::new(&payload).unwrap(),
        ..first.clone()
    };
    let first = seal(first, NO_HASH);
    let second = seal(second, &first.hash);
    (key, vec![first, second])
}

#[test]
fn the_documents_example_is_what_the_code_makes() {
    let (key, entries) = example();
    let lines: Vec<_> = entries.iter().map(Entry::line).collect();
    let receipt = key.receipt(&entries[1]);
    let expected = [
        format!("```jsonl\n{}\n```", lines.join("\n")),
        format!(
            "```text\n{}```",
            signed_text(receipt.entry, receipt.chain_id, receipt.seq, &receipt.hash, &receipt.key_id)
        ),
        format!("```json\n{}\n```", Payload::new(&receipt).unwrap().as_str()),
    ];
    let missing: Vec<_> = expected.into_iter().filter(|block| !DOC.contains(block)).collect();
    assert!(missing.is_empty(), "docs/ledger-format.md lacks\n{}", missing.join("\n"));
}

#[test]
fn the_documents_script_is_short() {
    let script = DOC.split("```python\n").nth(1).and_then(|rest| rest.split("```").next()).unwrap();
    assert!(script.lines().count() <= 50);
}
