//! Each kind on both sides of each of its days.

use super::fixture::{Scene, d, persons};
use super::*;
use crate::domain::audit::AuditKind;
use crate::domain::chain::ApplicationStep;
use crate::domain::contract::{DataCategory, DeclarationInterval, Overseas, Policy};

use AlertKind::{
    AuditDue, AuditMissing, AuditOverdue, ConsentExpiring, ContractExpiring, DecisionWaiting,
    DeclarationOverdue, EndNotReported, OverseasHandling, RatioExceeded, SubcontractingProhibited,
    TierExceeded, UnapprovedSubcontractor, VolumeExceeded,
};

fn year() -> Scene {
    Scene::new("2026-04-01", "2027-03-31")
}

/// With 乙 consented 2026-05-01 to 2026-12-31.
fn with_b() -> (Scene, usize) {
    let mut scene = year();
    let b = scene.engage(0, "乙入力株式会社");
    scene.consent(b, "2026-05-01", "2026-12-31");
    (scene, b)
}

fn only(mut said: Vec<String>, kind: AlertKind) -> Vec<String> {
    said.retain(|line| line.split(' ').nth(1) == Some(kind.as_str()));
    said
}

#[test]
fn the_words_of_unapproved_use() {
    let (mut scene, b) = with_b();
    let c = scene.engage(b, "丙");
    scene.consent(c, "2026-06-01", "2027-03-31");
    scene.state(c, "2026-05-20", Some("2026-07-31"));
    scene.table(UnapprovedSubcontractor, &[("2026-05-19", ""), ("2026-05-20", "critical opened")]);
    let message = |scene: &Scene, day| scene.found(UnapprovedSubcontractor, day)[0].message.clone();
    assert_eq!(
        message(&scene, "2026-05-25"),
        "丙（第3層）の使用について、2026-05-20から番号法第10条の許諾を確認できません（承認前の開始）"
    );
    scene.terms(|t| t.data = persons(DataCategory::Personal, 5));
    scene.settings.words.insert("承認".into(), "承諾".into());
    assert_eq!(
        message(&scene, "2026-06-01"),
        "丙（第3層）の使用について、2026-05-20から2026-05-31まで契約に基づく承諾を確認できません（承諾前の開始）"
    );
    let found = &scene.found(UnapprovedSubcontractor, "2026-06-01")[0];
    assert_eq!(found.audience, [Audience::Officer, Audience::Approver, Audience::Auditor]);
    assert_eq!((found.vendor_id, found.urgent), (Some(scene.vendor(c)), true));
    assert_eq!(found.cause, Some(Cause::BeforeConsent));
}

#[test]
fn unapproved_use_resolves_when_nothing_runs_and_a_measure_is_recorded() {
    let kind = UnapprovedSubcontractor;
    let (mut scene, b) = with_b();
    scene.state(b, "2026-04-28", None);
    assert_eq!(only(scene.sweep("2026-04-28"), kind), ["open unapproved_subcontractor critical opened"]);
    assert_eq!(only(scene.sweep("2026-04-28"), kind), [""; 0], "the same day again");
    scene.alert(kind).measure = Some("注意した".into());
    scene.alert(kind).state = AlertState::Acknowledged;
    assert_eq!(only(scene.sweep("2026-04-30"), kind), ["update unapproved_subcontractor critical"]);
    let last = only(scene.sweep("2026-05-01"), kind);
    assert_eq!(last, ["update unapproved_subcontractor critical", "resolve unapproved_subcontractor"]);
    assert_eq!(scene.alert(kind).days.ranges(), [fixture::range("2026-04-28", "2026-04-30")]);
    assert_eq!(only(scene.sweep("2026-12-31"), kind), [""; 0], "answered days stay answered");
    assert_eq!(only(scene.sweep("2027-01-01"), kind), ["open unapproved_subcontractor critical opened"]);
    assert_eq!(scene.alert(kind).days.ranges(), [fixture::range("2027-01-01", "2027-01-01")]);
    assert_eq!(scene.alert(kind).cause, Some(Cause::Expired));
}

#[test]
fn without_a_measure_it_stays_and_keeps_days_that_were_taken_back() {
    let kind = UnapprovedSubcontractor;
    let (mut scene, b) = with_b();
    scene.state(b, "2026-04-20", Some("2026-04-30"));
    scene.sweep("2026-05-05");
    scene.alert(kind).state = AlertState::Acknowledged;
    scene.state(b, "2026-05-01", Some("2026-05-05"));
    assert_eq!(only(scene.sweep("2026-06-01"), kind), [""; 0]);
    assert_eq!(scene.alert(kind).days.ranges(), [fixture::range("2026-04-20", "2026-04-30")]);
    scene.alert(kind).measure = Some("確認した".into());
    assert_eq!(only(scene.sweep("2026-06-01"), kind), ["resolve unapproved_subcontractor"]);
}

#[test]
fn nobody_taking_it_up_escalates_after_three_working_days() {
    let kind = UnapprovedSubcontractor;
    let (mut scene, b) = with_b();
    // 2026-04-29 and 05-03 to 05-06 are closed: the third working day after 04-28 is 05-07.
    scene.state(b, "2026-04-28", Some("2026-04-28"));
    scene.sweep("2026-04-28");
    assert_eq!(scene.verdict(&scene.store.alerts, d("2026-04-28")).next_check, Some(d("2026-04-29")));
    assert_eq!(
        only(scene.sweep("2026-04-29"), kind),
        ["update unapproved_subcontractor critical"],
        "it ended"
    );
    assert_eq!(only(scene.sweep("2026-05-06"), kind), [""; 0]);
    let mut taken_up = scene.clone();
    taken_up.alert(kind).state = AlertState::Acknowledged;
    assert_eq!(only(taken_up.sweep("2026-05-07"), kind), [""; 0]);
    assert_eq!(only(scene.sweep("2026-05-07"), kind), ["remind unapproved_subcontractor escalated urgent"]);
    assert_eq!(only(scene.sweep("2026-05-08"), kind), [""; 0]);
    let verdict = scene.verdict(&scene.store.alerts, d("2026-05-08"));
    let found = verdict.findings.iter().find(|found| found.kind == kind).unwrap();
    assert_eq!(found.audience, [Audience::AgencyAdmin]);
}

#[test]
fn days_after_a_gap_are_told_at_once_and_escalate_anew() {
    let kind = UnapprovedSubcontractor;
    let mut scene = year();
    let b = scene.engage(0, "乙");
    scene.state(b, "2026-08-03", None);
    scene.consent(b, "2026-08-05", "2026-12-31");
    assert_eq!(only(scene.sweep("2026-08-03"), kind), ["open unapproved_subcontractor critical opened"]);
    scene.sweep("2026-08-05");
    scene.revoke(b, "2026-10-01");
    let mut escalated = scene.clone();
    // Nobody takes it up before the administrators hear of it: they hear of the later days as well.
    assert_eq!(
        only(escalated.sweep("2026-08-06"), kind),
        ["remind unapproved_subcontractor escalated urgent"]
    );
    assert_eq!(only(escalated.sweep("2026-09-30"), kind), [""; 0]);
    let again = [
        "update unapproved_subcontractor critical",
        "remind unapproved_subcontractor again-2026-10-01-2026-10-01 urgent",
    ];
    assert_eq!(only(escalated.sweep("2026-10-01"), kind), again);
    let changes = escalated.verdict(&escalated.store.alerts, d("2026-10-01"));
    let found = changes.findings.iter().find(|found| found.kind == kind).unwrap();
    assert_eq!(found.audience, [Audience::Officer, Audience::Approver, Audience::Auditor]);
    assert_eq!(only(escalated.sweep("2026-10-01"), kind), [""; 0], "the same day again");
    assert_eq!(only(escalated.sweep("2026-10-05"), kind), ["update unapproved_subcontractor critical"]);
    let third = only(escalated.sweep("2026-10-06"), kind);
    assert_eq!(third.last().unwrap(), "remind unapproved_subcontractor escalated-2026-10-06 urgent");
    assert_eq!(only(escalated.sweep("2026-10-07"), kind), ["update unapproved_subcontractor critical"]);
    // A gap does not put off an escalation that is still to come.
    let late = only(scene.sweep("2026-10-01"), kind);
    assert_eq!(late.last().unwrap(), "remind unapproved_subcontractor again-2026-10-01-2026-08-03 urgent");
    assert_eq!(scene.verdict(&scene.store.alerts, d("2026-10-01")).next_check, Some(d("2026-10-02")));
    let late = only(scene.sweep("2026-10-02"), kind);
    assert_eq!(late.last().unwrap(), "remind unapproved_subcontractor escalated-2026-10-02 urgent");
}

#[test]
fn a_consents_end_is_announced_only_where_use_goes_on() {
    let (mut scene, b) = with_b();
    scene.table(
        ConsentExpiring,
        &[
            ("2026-10-31", ""),
            ("2026-11-01", "info 60"),
            ("2026-11-30", "info 60"),
            ("2026-12-01", "info 30"),
            ("2026-12-23", "info 30"),
            ("2026-12-24", "warning 7"),
            ("2026-12-31", "warning 7"),
            ("2027-01-01", ""),
        ],
    );
    let told = &scene.found(ConsentExpiring, "2026-12-01")[0];
    assert_eq!(told.audience, [Audience::Officer, Audience::Vendor(scene.vendor(0))]);
    scene.state(b, "2026-05-01", Some("2027-01-01"));
    assert_eq!(scene.said(ConsentExpiring, "2026-12-01"), "info 30");
    scene.state(b, "2026-05-01", Some("2026-12-31"));
    assert_eq!(scene.said(ConsentExpiring, "2026-12-01"), "", "the end is declared");
    scene.state(b, "2026-05-01", None);
    scene.sweep("2026-12-01");
    scene.consent(b, "2027-01-01", "2027-03-31");
    assert!(scene.sweep("2026-12-02").contains(&"resolve consent_expiring".to_owned()), "extended");
}

#[test]
fn only_the_most_imminent_step_is_told_and_each_once() {
    let (mut scene, _) = with_b();
    assert_eq!(only(scene.sweep("2026-12-05"), ConsentExpiring), ["open consent_expiring info 30"]);
    assert_eq!(only(scene.sweep("2026-12-23"), ConsentExpiring), [""; 0]);
    let last = only(scene.sweep("2026-12-28"), ConsentExpiring);
    assert_eq!(last, ["update consent_expiring warning", "remind consent_expiring 7"]);
    scene.settings.consent_expiring_days = vec![60];
    assert_eq!(only(scene.sweep("2026-12-29"), ConsentExpiring), [""; 0], "an earlier step is not told");
    assert_eq!(only(scene.sweep("2027-01-01"), ConsentExpiring), ["resolve consent_expiring"]);
    assert_eq!(scene.store.resolved.last().unwrap().2, "承認期間の末日を過ぎました");
}

#[test]
fn n14_a_due_day_that_moves_is_told_within_the_step_told_before() {
    let (mut scene, b) = with_b();
    assert_eq!(only(scene.sweep("2026-12-05"), ConsentExpiring), ["open consent_expiring info 30"]);
    // 26 days are left, then 20: the step is the same, the day is another.
    scene.revoke(b, "2026-12-26");
    let moved = only(scene.sweep("2026-12-05"), ConsentExpiring);
    assert_eq!(moved, ["update consent_expiring info", "remind consent_expiring moved-2026-12-25-30"]);
    assert_eq!(only(scene.sweep("2026-12-05"), ConsentExpiring), [""; 0], "the same day again");
    assert_eq!(only(scene.sweep("2026-12-17"), ConsentExpiring), [""; 0]);
    let seven = only(scene.sweep("2026-12-18"), ConsentExpiring);
    assert_eq!(seven, ["update consent_expiring warning", "remind consent_expiring moved-2026-12-25-7"]);
    assert_eq!(only(scene.sweep("2026-12-19"), ConsentExpiring), [""; 0]);
    scene.revoke(b, "2026-12-22");
    let moved = only(scene.sweep("2026-12-20"), ConsentExpiring);
    assert_eq!(moved, ["update consent_expiring warning", "remind consent_expiring moved-2026-12-21-7"]);
    // Further off, the steps begin again.
    scene.consent(b, "2026-12-20", "2027-01-15");
    let later = only(scene.sweep("2026-12-20"), ConsentExpiring);
    assert_eq!(later, ["update consent_expiring info", "remind consent_expiring moved-2027-01-15-30"]);
    assert_eq!(only(scene.sweep("2027-01-07"), ConsentExpiring), [""; 0]);
    let seven = only(scene.sweep("2027-01-08"), ConsentExpiring);
    assert_eq!(seven, ["update consent_expiring warning", "remind consent_expiring moved-2027-01-15-7"]);
}

#[test]
fn n14_so_are_a_contracts_last_day_and_the_day_by_which_an_audit_is_missing() {
    let mut scene = year();
    scene.sweep("2027-02-01");
    scene.terminate("2027-03-11");
    let told = scene.sweep("2027-02-01");
    assert_eq!(
        told,
        [
            "update contract_expiring info",
            "remind contract_expiring moved-2027-03-10-60",
            "update audit_missing warning",
            "remind audit_missing moved-2027-03-10",
        ]
    );
    assert_eq!(scene.sweep("2027-02-01"), [""; 0]);
    assert_eq!(
        only(scene.sweep("2027-02-08"), ContractExpiring),
        ["remind contract_expiring moved-2027-03-10-30"]
    );
    // Put off, a missing audit has more time than people think: nobody need hear of it at once.
    let mut scene = year();
    scene.sweep("2026-05-01");
    scene.amend("2026-05-02", |terms| terms.ends_on = d("2027-02-28"));
    assert_eq!(only(scene.sweep("2026-05-02"), AuditMissing)[1..], ["remind audit_missing moved-2027-02-28"]);
    scene.amend("2026-05-03", |terms| terms.ends_on = d("2027-03-31"));
    assert_eq!(only(scene.sweep("2026-05-03"), AuditMissing), ["update audit_missing warning"]);
}

#[test]
fn an_end_nobody_reported() {
    let (mut scene, b) = with_b();
    let c = scene.engage(b, "丙");
    scene.state(c, "2026-06-01", None);
    scene.table(EndNotReported, &[("2027-03-31", ""), ("2027-04-01", "warning opened")]);
    let told = &scene.found(EndNotReported, "2027-04-01")[0].audience;
    let vendors = [scene.vendor(c), scene.vendor(b)].map(Audience::Vendor);
    assert_eq!(told[..], [&[Audience::Officer][..], &vendors].concat());
    scene.sweep("2027-04-01");
    scene.state(c, "2026-06-01", Some("2027-03-31"));
    assert!(scene.sweep("2027-04-02").contains(&"resolve end_not_reported".to_owned()));
}

#[test]
fn an_end_nobody_reported_of_a_contract_that_never_ran() {
    let mut scene = year();
    let b = scene.engage(0, "乙");
    scene.state(b, "2026-04-01", None);
    scene.terminate("2026-04-01");
    scene.table(EndNotReported, &[("2026-03-31", ""), ("2026-04-01", "warning opened")]);
    scene.sweep("2026-04-01");
    scene.state(b, "2026-04-01", Some("2026-04-01"));
    assert!(scene.sweep("2026-04-02").contains(&"resolve end_not_reported".to_owned()));
}

#[test]
fn a_contracts_end_is_announced() {
    let scene = year();
    scene.table(
        ContractExpiring,
        &[
            ("2027-01-29", ""),
            ("2027-01-30", "info 60"),
            ("2027-02-28", "info 60"),
            ("2027-03-01", "info 30"),
            ("2027-03-31", "info 30"),
            ("2027-04-01", ""),
        ],
    );
    let mut scene = year();
    scene.sweep("2027-03-01");
    scene.sweep("2027-04-01");
    assert!(scene.store.resolved.iter().any(|(_, _, reason)| reason == "契約が終了しました"));
}

#[test]
fn an_audit_comes_due_and_is_overdue_the_day_after() {
    let mut scene = year();
    scene.audit(AuditKind::OnSite, "2027-02-15", Some(12));
    scene.table(
        AuditDue,
        &[
            ("2026-11-16", ""),
            ("2026-11-17", "info 90"),
            ("2027-01-15", "info 90"),
            ("2027-01-16", "info 30"),
            ("2027-02-07", "info 30"),
            ("2027-02-08", "warning 7"),
            ("2027-02-14", "warning 7"),
            ("2027-02-15", "warning 0"),
            ("2027-02-16", ""),
        ],
    );
    scene.table(AuditOverdue, &[("2027-02-15", ""), ("2027-02-16", "critical opened")]);
    scene.sweep("2027-02-10");
    let over = scene.sweep("2027-02-16");
    assert_eq!(only(over.clone(), AuditOverdue), ["open audit_overdue critical opened"]);
    assert_eq!(only(over, AuditDue), ["resolve audit_due"]);
    assert_eq!(only(scene.sweep("2027-02-22"), AuditOverdue), [""; 0]);
    assert_eq!(only(scene.sweep("2027-02-23"), AuditOverdue), ["remind audit_overdue weekly-1 urgent"]);
    assert_eq!(only(scene.sweep("2027-03-09"), AuditOverdue), ["remind audit_overdue weekly-3 urgent"]);
    let told = &scene.found(AuditOverdue, "2027-02-16")[0].audience;
    let prime = Audience::Vendor(scene.vendor(0));
    assert_eq!(told[..], [Audience::Auditor, Audience::Officer, Audience::Approver, prime]);
    scene.complete(0, "2027-03-09");
    assert_eq!(only(scene.sweep("2027-03-10"), AuditOverdue), ["resolve audit_overdue"]);
    assert_eq!(scene.store.resolved.last().unwrap().2, "実施が登録されました");
}

#[test]
fn an_audit_after_the_contracts_last_day_is_silent() {
    let mut scene = year();
    scene.audit(AuditKind::Document, "2027-04-01", None);
    scene.table(AuditDue, &[("2027-03-31", "")]);
    scene.table(AuditOverdue, &[("2027-04-02", "")]);
    let mut scene = year();
    scene.audit(AuditKind::Document, "2027-03-31", None);
    scene.table(AuditDue, &[("2027-03-31", "warning 0")]);
    scene.table(AuditOverdue, &[("2027-04-01", "critical opened")]);
    scene.terminate("2027-03-31");
    scene.table(AuditOverdue, &[("2027-04-01", "")]);
}

#[test]
fn a_fiscal_year_without_an_on_site_audit() {
    let years = |scene: &Scene, day: &str| {
        let found = scene.found(AuditMissing, day);
        let year = |f: &Finding| f.subject.rsplit(':').next().unwrap().to_owned();
        found.iter().map(year).collect::<Vec<_>>().join(" ")
    };
    let mut scene = Scene::new("2026-10-01", "2028-03-31");
    scene.learned_on = d("2026-09-01");
    assert_eq!(years(&scene, "2026-09-30"), "");
    assert_eq!(years(&scene, "2026-10-01"), "2026");
    assert_eq!(years(&scene, "2027-03-31"), "2026");
    assert_eq!(years(&scene, "2027-04-01"), "2026 2027");
    assert_eq!(years(&scene, "2028-04-01"), "2026 2027", "none for a year in which it does not run");
    scene.audit(AuditKind::Document, "2027-03-01", None);
    assert_eq!(years(&scene, "2027-04-01"), "2026 2027", "on paper does not count");
    scene.audit(AuditKind::OnSite, "2027-03-31", None);
    assert_eq!(years(&scene, "2027-04-01"), "2027");
    scene.learned_on = d("2027-04-01");
    scene.audits.clear();
    assert_eq!(years(&scene, "2027-04-01"), "2027", "not for years before the contract was known");
    scene.terms(|t| t.data.clear());
    assert_eq!(years(&scene, "2027-04-01"), "");
}

#[test]
fn a_missing_audit_of_a_past_year_stays_until_a_person_resolves_it() {
    let mut scene = Scene::new("2026-10-01", "2028-03-31");
    scene.sweep("2026-10-01");
    let before = scene.alert(AuditMissing).clone();
    assert!(!before.closes_when_resolved(None, d("2027-03-31")));
    assert!(before.closes_when_resolved(None, d("2027-04-01")));
    scene.alert(AuditMissing).state = AlertState::Resolved;
    assert_eq!(
        only(scene.sweep("2027-04-01"), AuditMissing),
        ["open audit_missing warning opened"],
        "of 2027 only"
    );
    let subject = format!("{}:2027", scene.facts.contract_id);
    assert_eq!(scene.alert(AuditMissing).subject, subject);
}

#[test]
fn a_cancelled_audit_is_due_no_more_and_its_year_is_asked_for_again() {
    let mut scene = Scene::new("2026-10-01", "2028-03-31");
    scene.audit(AuditKind::OnSite, "2027-02-15", Some(12));
    scene.sweep("2026-12-01");
    let planned = scene.audits[0].id.to_string();
    assert_eq!(scene.alert(AuditDue).subject, planned);
    scene.cancel(0, "2026-12-02", "二重の{year}登録");
    let swept = scene.sweep("2026-12-02");
    assert_eq!(only(swept.clone(), AuditDue), ["resolve audit_due"]);
    assert_eq!(scene.store.resolved.last().unwrap().2, "計画が取り消されました（理由：二重の{year}登録）");
    assert_eq!(only(swept, AuditMissing), ["open audit_missing warning opened"]);
    scene.audit(AuditKind::OnSite, "2027-03-01", None);
    assert_eq!(only(scene.sweep("2027-03-02"), AuditMissing), ["resolve audit_missing"]);
    // Once answered, the year does not come back by itself; but a plan cancelled after it is no answer.
    scene.cancel(1, "2027-04-02", "取りやめ");
    let swept = scene.sweep("2027-04-02");
    assert_eq!(only(swept.clone(), AuditOverdue), ["resolve audit_overdue"]);
    assert_eq!(only(swept, AuditMissing), ["open audit_missing warning opened"; 2], "2026 and 2027");
    for alert in scene.store.alerts.iter_mut().filter(|alert| alert.kind == AuditMissing) {
        alert.state = AlertState::Resolved;
        alert.measure = Some("書面で確認した".into());
    }
    assert_eq!(only(scene.sweep("2027-04-03"), AuditMissing), ["open audit_missing warning opened"], "2027");
}

#[test]
fn a_declaration_is_overdue_after_its_grace_and_critical_at_the_second_miss() {
    let mut scene = year();
    scene.terms(|t| t.declaration_interval = DeclarationInterval::Quarterly);
    scene.table(
        DeclarationOverdue,
        &[
            ("2026-07-14", ""),
            ("2026-07-15", "warning due-2026-07-14"),
            ("2026-10-14", "warning due-2026-07-14"),
            ("2026-10-15", "critical due-2026-10-14"),
        ],
    );
    let found = &scene.found(DeclarationOverdue, "2026-10-15")[0];
    assert_eq!(found.due_on, Some(d("2026-07-14")));
    assert_eq!(found.subject, format!("{}:{}", scene.facts.contract_id, scene.vendor(0)));
    scene.terms(|t| t.data = persons(DataCategory::Personal, 5));
    scene.table(DeclarationOverdue, &[("2026-10-15", "warning due-2026-10-14")]);
    scene.learned_on = d("2026-07-15");
    scene.table(DeclarationOverdue, &[("2026-07-15", ""), ("2026-10-15", "warning due-2026-10-14")]);
    scene.sweep("2026-10-15");
    scene.declare(scene.vendor(0), "2026-07-01", "2026-09-30");
    assert_eq!(only(scene.sweep("2026-10-16"), DeclarationOverdue), ["resolve declaration_overdue"]);
}

#[test]
fn n21_what_comes_after_the_day_of_filing_is_owed_at_the_periods_end() {
    let mut scene = year();
    scene.terms(|t| t.declaration_interval = DeclarationInterval::Yearly);
    scene.declare(scene.vendor(0), "2026-04-01", "2027-03-31");
    scene.declarations[0].filed_on = d("2026-04-01");
    scene.table(DeclarationOverdue, &[("2027-04-14", ""), ("2027-04-15", "warning due-2027-04-14")]);
    assert_eq!(
        scene.found(DeclarationOverdue, "2027-04-15")[0].message,
        "甲の2026-04-02から2027-03-31までの再委託状況報告が提出されていません"
    );
    scene.declare(scene.vendor(0), "2026-04-02", "2027-03-31");
    scene.table(DeclarationOverdue, &[("2027-04-15", "")]);
}

#[test]
fn an_application_waits_ten_working_days_or_until_shortly_before_its_start() {
    let mut scene = year();
    let b = scene.engage(0, "乙");
    // Golden Week: 04-29 and 05-04 to 05-06 are closed. The 10th working day after 04-27 is 05-15.
    let application = scene.apply(b, "2026-04-27", "2026-07-01");
    scene.table(DecisionWaiting, &[("2026-05-14", ""), ("2026-05-15", "warning opened")]);
    scene.facts.applications[application].asked.starts_on = d("2026-05-18");
    scene.table(DecisionWaiting, &[("2026-05-10", ""), ("2026-05-11", "warning opened")]);
    scene.facts.applications[application].asked.starts_on = d("2026-07-01");
    // Returned on the 4th working day, back after a pause: six are left after 05-20.
    scene.step(application, ApplicationStep::Returned, "2026-05-01");
    scene.table(DecisionWaiting, &[("2026-05-15", ""), ("2026-06-30", "")]);
    scene.step(application, ApplicationStep::Resubmitted, "2026-05-20");
    scene.table(DecisionWaiting, &[("2026-05-28", ""), ("2026-05-29", "warning opened")]);
    scene.sweep("2026-05-29");
    scene.step(application, ApplicationStep::Refused, "2026-05-29");
    assert_eq!(only(scene.sweep("2026-05-29"), DecisionWaiting), ["resolve decision_waiting"]);
    assert_eq!(scene.store.resolved.last().unwrap().2, "申請が決定されました");
}

#[test]
fn waiting_counts_across_the_year_end_and_29_february() {
    let mut scene = Scene::new("2027-04-01", "2028-03-31");
    let b = scene.engage(0, "乙");
    scene.calendar = Calendar::new([].into(), 2028, [].into());
    // 12-27 and 12-28 are open, 12-29 to 01-03 closed, then 01-04 to 01-07 and 01-10 to 01-13.
    scene.apply(b, "2027-12-24", "2028-03-31");
    scene.table(DecisionWaiting, &[("2028-01-12", ""), ("2028-01-13", "warning opened")]);
    scene.facts.applications.clear();
    scene.apply(b, "2028-02-18", "2028-03-31");
    scene.table(DecisionWaiting, &[("2028-03-02", ""), ("2028-03-03", "warning opened")]);
}

#[test]
fn a_year_whose_holidays_are_not_known_is_said() {
    let mut scene = Scene::new("2027-04-01", "2028-03-31");
    let b = scene.engage(0, "乙");
    scene.apply(b, "2027-11-01", "2028-03-31");
    let message = |scene: &Scene, kind, day| scene.found(kind, day)[0].message.clone();
    assert!(!message(&scene, DecisionWaiting, "2027-12-01").contains("未登録"));
    scene.facts.applications.clear();
    scene.apply(b, "2028-02-01", "2028-03-31");
    let note = "（2028年の祝日は未登録のため、祝日を除かずに数えた期限です）";
    assert!(message(&scene, DecisionWaiting, "2028-03-01").ends_with(note));
    scene.state(b, "2028-02-01", Some("2028-02-02"));
    assert!(!message(&scene, UnapprovedSubcontractor, "2028-02-02").contains("未登録"));
    scene.sweep("2028-02-02");
    scene.sweep("2028-02-10");
    assert!(scene.alert(UnapprovedSubcontractor).message.ends_with(note), "told after so many working days");
    assert_eq!(scene.sweep("2028-02-10"), [""; 0]);
}

#[test]
fn prohibited_and_too_deep() {
    let (mut scene, b) = with_b();
    let c = scene.engage(b, "丙");
    scene.terms(|t| t.subcontracting.max_tier = Some(2));
    scene.state(b, "2026-06-01", None);
    scene.state(c, "2026-06-10", None);
    scene.table(TierExceeded, &[("2026-06-09", ""), ("2026-06-10", "warning opened")]);
    scene.table(SubcontractingProhibited, &[("2026-06-09", "")]);
    scene.amend("2026-06-05", |t| t.subcontracting.policy = Policy::Prohibited);
    scene.table(SubcontractingProhibited, &[("2026-06-04", ""), ("2026-06-05", "critical opened")]);
    scene.settings.severities.subcontracting_prohibited = Severity::Warning;
    scene.table(SubcontractingProhibited, &[("2026-06-05", "warning opened")]);
    assert!(scene.found(SubcontractingProhibited, "2026-06-05")[0].vendor_id.is_none());
}

#[test]
fn what_is_accepted_is_silent_until_the_day_after() {
    let (mut scene, b) = with_b();
    scene.terms(|t| t.subcontracting.max_tier = Some(1));
    scene.state(b, "2026-06-01", None);
    scene.sweep("2026-06-01");
    assert!(!scene.alert(TierExceeded).closes_when_resolved(None, d("2026-06-01")));
    assert!(scene.alert(TierExceeded).closes_when_resolved(Some(d("2026-06-20")), d("2026-06-01")));
    scene.alert(TierExceeded).state = AlertState::Resolved;
    scene.alert(TierExceeded).accepted_until = Some(d("2026-06-20"));
    assert_eq!(scene.sweep("2026-06-19"), [""; 0]);
    assert_eq!(scene.verdict(&scene.store.alerts, d("2026-06-19")).next_check, Some(d("2026-06-21")));
    assert_eq!(scene.sweep("2026-06-20"), [""; 0]);
    assert_eq!(scene.sweep("2026-06-21"), ["open tier_exceeded warning opened"]);
}

#[test]
fn an_ended_use_with_a_measure_is_over_for_good() {
    let resolved = |scene: &mut Scene, today, kind: AlertKind| {
        assert!(!scene.alert(kind).closes_when_resolved(None, d(today)));
        scene.alert(kind).measure = Some("指導した".into());
        scene.alert(kind).state = AlertState::Acknowledged;
        only(scene.sweep(today), kind)
    };
    let (mut scene, b) = with_b();
    scene.terms(|t| t.subcontracting.max_tier = Some(1));
    scene.state(b, "2026-06-01", Some("2026-06-30")).country = Some("VN".into());
    scene.sweep("2026-06-10");
    // While it runs, what was done about it does not end it; its end does.
    assert_eq!(resolved(&mut scene, "2026-06-15", TierExceeded), [""; 0]);
    assert_eq!(scene.verdict(&scene.store.alerts, d("2026-06-15")).next_check, Some(d("2026-07-01")));
    assert_eq!(only(scene.sweep("2026-07-01"), TierExceeded), ["resolve tier_exceeded"]);
    assert_eq!(scene.store.resolved.last().unwrap().2, "使用が終わり、とった措置が記録されています");
    // Over without a word about it, it waits for one.
    assert_eq!(only(scene.sweep("2026-08-01"), OverseasHandling), [""; 0]);
    assert_eq!(resolved(&mut scene, "2026-08-02", OverseasHandling), ["resolve overseas_handling"]);
    let later = scene.sweep("2027-03-01");
    assert!(only(later.clone(), TierExceeded).is_empty() && only(later, OverseasHandling).is_empty());
    // Other days than those that were answered, learned late: it opens anew.
    scene.state(b, "2026-07-10", Some("2026-07-20"));
    assert_eq!(only(scene.sweep("2027-03-02"), TierExceeded), ["open tier_exceeded warning opened"]);
    assert_eq!(only(scene.sweep("2027-03-02"), OverseasHandling), [""; 0]);
    // Accepted, it answers the days up to the end of the acceptance.
    scene.alert(TierExceeded).state = AlertState::Resolved;
    scene.alert(TierExceeded).measure = Some("認めた".into());
    scene.alert(TierExceeded).accepted_until = Some(d("2027-03-10"));
    scene.state(b, "2026-07-10", Some("2026-07-19"));
    assert_eq!(only(scene.sweep("2027-03-11"), TierExceeded), [""; 0]);
}

#[test]
fn work_abroad() {
    let (mut scene, b) = with_b();
    scene.state(b, "2026-06-01", None);
    scene.table(OverseasHandling, &[("2026-06-01", "")]);
    scene.facts.engagements[b].vendor.country = "VN".into();
    scene.table(OverseasHandling, &[("2026-05-31", ""), ("2026-06-01", "critical opened")]);
    let said = &scene.found(OverseasHandling, "2026-06-01")[0].message;
    assert!(said.contains("国外（ベトナム）での取扱い"), "{said}");
    scene.state(b, "2026-06-01", None).country = Some("JP".into());
    scene.table(OverseasHandling, &[("2026-06-01", "")]);
    scene.state(b, "2026-06-01", None).country = Some("VN".into());
    scene.table(OverseasHandling, &[("2026-05-31", ""), ("2026-06-01", "critical opened")]);
    scene.terms(|t| t.subcontracting.overseas = Overseas::ConsentRequired);
    scene.table(OverseasHandling, &[("2026-06-01", "critical opened")]);
    scene.consent(b, "2026-05-01", "2026-12-31").country = "VN".into();
    scene.table(OverseasHandling, &[("2026-06-01", "")]);
}

#[test]
fn more_persons_than_consented() {
    let (mut scene, b) = with_b();
    scene.state(b, "2026-06-01", None).data = persons(DataCategory::MyNumber, 100);
    scene.table(VolumeExceeded, &[("2026-06-01", "")]);
    scene.state(b, "2026-06-01", None).data = persons(DataCategory::MyNumber, 101);
    scene.table(VolumeExceeded, &[("2026-05-31", ""), ("2026-06-01", "warning opened"), ("2027-01-01", "")]);
    assert_eq!(
        scene.found(VolumeExceeded, "2026-06-01")[0].subject,
        format!("{}:my_number", scene.engagement(b))
    );
    scene.consent(b, "2026-07-01", "2026-12-31").data = persons(DataCategory::MyNumber, 1);
    scene.table(VolumeExceeded, &[("2026-06-30", "warning opened"), ("2026-07-01", "")]);
    scene.state(b, "2026-06-01", Some("2026-06-30")).data = persons(DataCategory::MyNumber, 101);
    scene.table(VolumeExceeded, &[("2027-02-01", "warning opened")]);
    scene.state(b, "2026-06-01", None).data = persons(DataCategory::Sensitive, 999);
    scene.table(VolumeExceeded, &[("2026-06-01", "")]);
}

#[test]
fn tier_twos_share_of_the_amount() {
    let (mut scene, b) = with_b();
    let c = scene.engage(b, "丙");
    let e = scene.engage(0, "戊");
    scene.terms(|t| t.subcontracting.max_ratio_percent = Some(50));
    scene.consent(c, "2026-05-01", "2026-12-31").amount_yen = 9_000_000;
    scene.consent(e, "2026-06-01", "2026-06-30").amount_yen = 3_999_999;
    scene.table(RatioExceeded, &[("2026-06-01", "")]);
    scene.facts.consents.last_mut().unwrap().amount_yen = 4_000_000;
    scene.table(
        RatioExceeded,
        &[("2026-05-31", ""), ("2026-06-01", "warning opened"), ("2027-02-01", "warning opened")],
    );
    scene.revoke(e, "2026-06-10");
    scene.table(RatioExceeded, &[("2026-06-09", "warning opened"), ("2026-06-10", "")]);
    scene.state(e, "2026-06-20", None).amount_yen = Some(4_000_000);
    scene.table(RatioExceeded, &[("2026-06-19", ""), ("2026-06-20", "warning opened")]);
    scene.terms(|t| t.amount_yen = 0);
    scene.table(RatioExceeded, &[("2026-06-20", "")]);
}

#[test]
fn a_contract_over_and_done_is_never_looked_at_again() {
    let mut scene = year();
    scene.audit(AuditKind::OnSite, "2026-09-30", None);
    scene.complete(0, "2026-09-30");
    assert_eq!(scene.verdict(&[], d("2026-10-01")).next_check, Some(d("2027-01-30")));
    assert_eq!(scene.verdict(&[], d("2027-04-01")).next_check, None);
}

#[test]
fn alerts_that_events_raise_are_left_alone() {
    let mut scene = year();
    scene.sweep("2026-04-01");
    scene.alert(AuditMissing).kind = AlertKind::VendorChanged;
    let said = scene.sweep("2026-04-02");
    assert_eq!(said, ["open audit_missing warning opened"]);
    assert!(scene.store.alerts[0].closes_when_resolved(None, d("2026-04-02")));
}
