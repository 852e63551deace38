//! Who hears of a change that waits: the person whose account it is, who asked for it, and everyone who can say no.

use std::collections::BTreeMap;

use crate::db::pending::{ChangeState, PendingRow, Wanted};
use crate::db::user::UserRow;
use crate::db::{self, Tx};
use crate::domain::access::{OrganizationKind, Role};
use crate::domain::contract::Instant;
use crate::domain::id::UserId;
use crate::notice::context::{ChangeAskedMail, ChangeEndedMail, ChangeOutcome, ChangeRef, Day, Moment};
use crate::notice::{About, Draft, Mail, Recipient};
use crate::service::organization::system_id;
use crate::service::{App, Failure};

/// The wanted change in the words of a mail. An address is not said: the one before may be another's by now.
fn words(wanted: &Wanted) -> String {
    match wanted {
        Wanted::Roles { roles } => {
            let titles: Vec<&str> = roles.iter().map(|role| role.title()).collect();
            format!("役割の追加（{}）", titles.join("・"))
        }
        Wanted::Email { .. } => "メールアドレスの変更".to_owned(),
        Wanted::Active { .. } => "停止していた利用の再開".to_owned(),
        Wanted::ExpiresOn { expires_on: None } => "有効期限をなくすこと".to_owned(),
        Wanted::ExpiresOn { expires_on: Some(last) } => format!("有効期限の延長（{last}まで）"),
        Wanted::Deputy { starts_on, ends_on, .. } => format!("代理の指定（{starts_on}から{ends_on}まで）"),
    }
}

fn moment(app: &App, at: Instant) -> Moment {
    let clock = &app.sources.clock;
    let time = at.with_timezone(&clock.timezone()).format("%H:%M").to_string();
    Moment { day: Day::of(clock.day_of(at)), time }
}

/// Those who are told, by id; the operator's administrators where the organization has none but who asked.
fn people(tx: &mut Tx<'_>, user: &UserRow, row: &PendingRow) -> Result<BTreeMap<UserId, String>, Failure> {
    let organization = db::organization::find(tx.conn, row.organization_id)?;
    let role = organization.kind.administrator();
    let own = db::user::reachable(tx.conn, organization.id, &[role], tx.today)?;
    let mut people: BTreeMap<UserId, String> = own.into_iter().collect();
    let concerned = [Some(row.asked_by), Some(row.user_id), row.wanted()?.deputy()];
    let holders = db::user::holders(tx.conn, organization.id, role, tx.today)?;
    let alone = holders.iter().all(|id| concerned.contains(&Some(*id)));
    if alone && organization.kind != OrganizationKind::System {
        people.extend(db::user::reachable(tx.conn, system_id()?, &[Role::SystemAdmin], tx.today)?);
    }
    for id in [Some(user.id), Some(row.asked_by), row.wanted()?.deputy()].into_iter().flatten() {
        let person = db::user::find(tx.conn, id)?;
        people.insert(id, person.email);
    }
    Ok(people)
}

fn about(app: &App, tx: &mut Tx<'_>, user: &UserRow, row: &PendingRow) -> Result<ChangeRef, Failure> {
    Ok(ChangeRef {
        organization: db::organization::find(tx.conn, row.organization_id)?.name,
        person: user.name.clone(),
        own: false,
        what: words(&row.wanted()?),
        asked_by: db::user::find(tx.conn, row.asked_by)?.name,
        asked: moment(app, row.asked_at.and_utc()),
        link: format!("{}/pending-changes/{}", app.config.server.public_url, row.id),
    })
}

fn post(
    tx: &mut Tx<'_>,
    row: &PendingRow,
    step: ChangeState,
    to: (UserId, String),
    mail: &Mail,
) -> Result<(), Failure> {
    let about = About {
        organization_id: row.organization_id,
        subject_kind: "change".to_owned(),
        subject_id: row.id.to_string(),
        step: step.to_string(),
    };
    let recipient = Recipient { address: to.1, user_id: Some(to.0) };
    let draft = Draft::new(about, recipient, mail).map_err(|e| Failure::Internal(e.to_string()))?;
    db::notice::enqueue(tx.conn, tx.sources, &draft)?;
    Ok(())
}

/// It was asked for: everyone hears of it at once, who asked for it too, in case it was someone else in their name.
pub fn asked(app: &App, tx: &mut Tx<'_>, user: &UserRow, row: &PendingRow) -> Result<(), Failure> {
    let change = about(app, tx, user, row)?;
    let takes_effect = row.takes_effect_at.map(|at| moment(app, at.and_utc()));
    let expires = moment(app, row.expires_at.and_utc());
    for (id, address) in people(tx, user, row)? {
        let mail = Mail::ChangeAsked(ChangeAskedMail {
            change: ChangeRef { own: id == user.id, ..change.clone() },
            takes_effect: takes_effect.clone(),
            expires: expires.clone(),
        });
        post(tx, row, ChangeState::Asked, (id, address), &mail)?;
    }
    Ok(())
}

/// It has ended: all hear of it but who ended it.
pub fn ended(
    app: &App,
    tx: &mut Tx<'_>,
    user: &UserRow,
    row: &PendingRow,
    state: ChangeState,
    by: Option<UserId>,
    reason: Option<&str>,
) -> Result<(), Failure> {
    let outcome = match state {
        ChangeState::InForce => ChangeOutcome::InForce,
        ChangeState::Rejected => ChangeOutcome::Rejected,
        ChangeState::Withdrawn => ChangeOutcome::Withdrawn,
        ChangeState::Asked | ChangeState::Expired => ChangeOutcome::Expired,
        ChangeState::Void => ChangeOutcome::Void,
    };
    let change = about(app, tx, user, row)?;
    let by_name = by.map(|id| db::user::find(tx.conn, id)).transpose()?.map(|person| person.name);
    for (id, address) in people(tx, user, row)? {
        if Some(id) == by {
            continue;
        }
        let mail = Mail::ChangeEnded(ChangeEndedMail {
            change: ChangeRef { own: id == user.id, ..change.clone() },
            outcome,
            by: by_name.clone(),
            reason: reason.map(str::to_owned),
        });
        post(tx, row, state, (id, address), &mail)?;
    }
    Ok(())
}
