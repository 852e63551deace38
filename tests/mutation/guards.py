"""The guards that are taken away, one at a time, and the tests that must notice.

Each is an exact text of one file, found there once, and what stands in its place. In the new text `OFF` is true while
this mutation is on, so that one build holds all of them. `tests`: target of cargo and filters of its tests.
"""

GUARDS = [
    dict(
        name="scope",
        what="an agency's lists and contracts are no longer narrowed to it",
        file="src/db/contract/mod.rs",
        before="            Scope::Agency(id) => $query = $query.filter(contracts::agency_id.eq(id)),\n",
        after="            Scope::Agency(_) if OFF => {}\n"
        "            Scope::Agency(id) => $query = $query.filter(contracts::agency_id.eq(id)),\n",
        tests=[("api", ["denials::a_foreign_id_is_not_found::sqlite", "pages::denials::a_foreign_id_is_not_found::sqlite"])],
    ),
    dict(
        name="form proof",
        what="a form is taken without the proof of its session",
        file="src/web/pages/door.rs",
        before="if acts && !session::is_form_token(app, actor.session_id, proof) {",
        after="if !OFF && acts && !session::is_form_token(app, actor.session_id, proof) {",
        tests=[("api", ["pages::a_form_is_taken_from_our_own_page_only"])],
    ),
    dict(
        name="form origin",
        what="a form is taken from another site's page",
        file="src/web/pages/door.rs",
        before="    if !is_ours(request.headers()) {",
        after="    if !OFF && !is_ours(request.headers()) {",
        tests=[("api", ["pages::a_form_is_taken_from_our_own_page_only"])],
    ),
    dict(
        name="permission",
        what="a route of the API asks for a session only, not for the role",
        file="src/web/app.rs",
        before="bearer.ok_or(Failure::Unauthorized)?)?;\n    if !actor.may(permission) {",
        after="bearer.ok_or(Failure::Unauthorized)?)?;\n    if !OFF && !actor.may(permission) {",
        tests=[("api", ["denials::a_role_that_may_not_is_refused_whatever_it_names::sqlite"])],
    ),
    dict(
        name="permission of a page",
        what="a page asks for a session only, not for the role",
        file="src/web/pages/door.rs",
        before="    if !actor.may(permission) {",
        after="    if !OFF && !actor.may(permission) {",
        tests=[("api", ["pages::denials::a_role_that_may_not_is_refused_whatever_it_names::sqlite"])],
    ),
    dict(
        name="fresh login",
        what="what is grave is done by whoever sits at an open session",
        file="src/service/fresh.rs",
        before="if app.strict && since > FRESH {",
        after="if !OFF && app.strict && since > FRESH {",
        tests=[("api", ["factors::what_is_grave_asks_for_a_fresh_login::sqlite"])],
    ),
    dict(
        name="a backup's hash",
        what="the content of a backup is not held against its hash",
        file="src/exchange/backup.rs",
        before="    if sha256 != head.payload_sha256 {",
        after="    if !OFF && sha256 != head.payload_sha256 {",
        tests=[("command", ["backup::drill_on_sqlite"])],
    ),
    dict(
        name="ledger went back",
        what="a server does not notice that entries it has seen are gone",
        file="src/db/watch.rs",
        before="        if known.iter().any(|entry| !there.contains(entry)) {",
        after="        if !OFF && known.iter().any(|entry| !there.contains(entry)) {",
        tests=[("api", ["went_back::an_entry_that_is_gone_stops_the_writing::sqlite"])],
    ),
    dict(
        name="structure of the database",
        what="a dropped index or a changed constraint is not noticed",
        file="src/db/integrity/sqlite.rs",
        before="    found.extend(differences(&wanted()?, &lines(conn, STRUCTURE)?));",
        after="    if !OFF { found.extend(differences(&wanted()?, &lines(conn, STRUCTURE)?)); }",
        tests=[("command", ["damage::a_structure_that_the_migrations_do_not_make_is_named"])],
    ),
    dict(
        name="code used up",
        what="a code of an authenticator app is taken as often as it is given",
        file="src/db/factor.rs",
        before="        .filter(totp_factors::last_step.lt(step));",
        after="        .filter(totp_factors::last_step.lt(if OFF { i64::MAX } else { step }));",
        tests=[("api", ["factors::a_code_is_asked_for_and_works_once::sqlite"])],
    ),
    dict(
        name="required factor",
        what="who must have a second factor comes in without",
        file="src/service/factor/mod.rs",
        before="    if is_required(app) && actor.needs_factor() && !actor.has_factor {",
        after="    if !OFF && is_required(app) && actor.needs_factor() && !actor.has_factor {",
        tests=[("api", ["factors::who_must_have_a_factor_does_nothing_before::sqlite"])],
    ),
    dict(
        name="hash of an entry",
        what="verify does not compare an entry's hash with its columns",
        file="src/ledger/verify.rs",
        before="        let fault = if hash != entry.hash {",
        after="        let fault = if !OFF && hash != entry.hash {",
        tests=[("lib", ["ledger::verify_tests"])],
    ),
    dict(
        name="idempotency row",
        what="a key is not claimed, so a repeated request acts again",
        file="src/service/idempotency.rs",
        before="    let Some(kept) = kept else {\n        db::idempotency::insert(",
        after="    if OFF {\n        return Ok(None);\n    }\n    let Some(kept) = kept else {\n        db::idempotency::insert(",
        tests=[("api", ["idempotency::fifty_equal_posts_at_once_act_once"])],
    ),
    dict(
        name="chain's lock",
        what="a transaction reads the chain instead of taking it",
        file="src/db/tx.rs",
        before="                ) = diesel::update(ledger_chains::table.find(id))\n",
        after="                ) = if OFF {\n"
        "                    let row = ledger_chains::table.find(id).select((\n"
        "                        ledger_chains::organization_id,\n"
        "                        ledger_chains::seq,\n"
        "                        ledger_chains::head,\n"
        "                        ledger_chains::last_at,\n"
        "                    ));\n"
        "                    row.first(conn)?\n"
        "                } else { diesel::update(ledger_chains::table.find(id))\n",
        more=[("                    .get_result(conn)?;\n                (id, organization_id,", "                    .get_result(conn)? };\n                (id, organization_id,")],
        # The embedded database has one writer anyway.
        tests=[("api", ["properties::races", "idempotency::fifty_equal_posts_at_once_act_once::postgresql"])],
    ),
    dict(
        name="who reviewed decides",
        what="who filed or reviewed an application may decide it",
        file="src/service/application/decide.rs",
        before="    if filed.is_handled_by(user) {\n        let message = \"審査",
        after="    if !OFF && filed.is_handled_by(user) {\n        let message = \"審査",
        tests=[("api", ["applications::who_filed_or_reviewed_does_not_decide"])],
    ),
]
