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
        before="    if !actor.may(permission) {",
        after="    if !OFF && !actor.may(permission) {",
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
        name="hash of an entry",
        what="verify does not compare an entry's hash with its columns",
        file="src/ledger/verify.rs",
        before="        let fault = if hash != entry.hash {",
        after="        let fault = if !OFF && hash != entry.hash {",
        tests=[("lib", ["ledger::verify::tests"])],
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
        tests=[("api", ["two_decisions_at_once_on_one_chain_come_one_after_the_other::postgresql_1"])],
    ),
    dict(
        name="who reviewed decides",
        what="who filed or reviewed an application may decide it",
        file="src/service/application/decide.rs",
        before="    if filed.is_handled_by(user) {\n        let message = \"審査",
        after="    if !OFF && filed.is_handled_by(user) {\n        let message = \"審査",
        tests=[("api", ["applications::who_filed_or_reviewed_does_not_decide"])],
    ),
    dict(
        name="body's guard",
        what="a body is read before it is known who sends it",
        file="src/web/app.rs",
        before="    refuse_encoded(http.headers())?;\n    let origin = match",
        after="    refuse_encoded(http.headers())?;\n"
        "    let early = if OFF && route.method != Method::GET {\n"
        "        let who = Sender::stranger(house.limiter.caller(http));\n"
        "        Some(house.intake.take(http, &mut payload, who, house.intake.bounds.body).await?)\n"
        "    } else {\n"
        "        None\n"
        "    };\n"
        "    let origin = match",
        more=[("    let body = house.intake.take(http, &mut payload, sender, limit).await?;\n", "    let body = match early {\n        Some(body) => body,\n        None => house.intake.take(http, &mut payload, sender, limit).await?,\n    };\n")],
        tests=[("command", ["doors::who_may_not_is_answered_before_a_body_comes"])],
    ),
    dict(
        name="body's length",
        what="a body is taken in however long it is",
        file="src/web/body.rs",
        before="        if first.len() + more.len() + chunk.len() > limit {",
        after="        if !OFF && first.len() + more.len() + chunk.len() > limit {",
        tests=[("lib", ["web::body"])],
    ),
    dict(
        name="compressed bodies",
        what="a body that says it is compressed is taken in",
        file="src/web/body.rs",
        before="    if plain { Ok(()) } else { Err(Unread::Encoded) }",
        after="    if plain || OFF { Ok(()) } else { Err(Unread::Encoded) }",
        tests=[("lib", ["web::body"])],
    ),
    dict(
        name="fresh login",
        what="what is grave asks for a session only, however old its login",
        file="src/service/fresh.rs",
        before="    if app.strict && since > FRESH { ",
        after="    if !OFF && app.strict && since > FRESH { ",
        tests=[("api", ["factors::what_is_grave_asks_for_a_fresh_login"])],
    ),
    dict(
        name="second factor of a login",
        what="a code is asked for and not looked at",
        file="src/service/factor/mod.rs",
        before="    if right {\n        return Ok(());\n    }\n    tracing::warn!(event = \"factor_refused\"",
        after="    if right || OFF {\n        return Ok(());\n    }\n    tracing::warn!(event = \"factor_refused\"",
        tests=[("api", ["factors::a_code_is_asked_for_and_works_once"])],
    ),
    dict(
        name="second factor required",
        what="who must have a second factor gets by without",
        file="src/service/factor/mod.rs",
        before="    if is_required(app) && actor.needs_factor() && !actor.has_factor {",
        after="    if !OFF && is_required(app) && actor.needs_factor() && !actor.has_factor {",
        tests=[("api", ["factors::who_must_have_a_factor_does_nothing_before"])],
    ),
    dict(
        name="code used once",
        what="a code of the authenticator app works again",
        file="src/service/factor/totp.rs",
        before="        let fresh = db::factor::use_step(conn, user.id, &sealed, step)?;\n",
        after="        let fresh = db::factor::use_step(conn, user.id, &sealed, step)? || OFF;\n",
        tests=[("api", ["factors::a_code_is_asked_for_and_works_once", "factors::of_many_at_once_one_code_lets_one_in"])],
    ),
    dict(
        name="device counter",
        what="a known browser is counted with the strangers",
        file="src/service/guessing.rs",
        before="        let by = match (known, origin.wait) {\n",
        after="        let by = match (known.filter(|_| !OFF), origin.wait) {\n",
        tests=[("api", ["kept_out::a_thousand_wrong_passwords_by_a_stranger_keep_nobody_out", "kept_out::a_device_is_known_to_its_account_alone_and_has_a_count_of_its_own"])],
    ),
    dict(
        name="guessing limit",
        what="wrong passwords are counted and nobody is refused",
        file="src/service/guessing.rs",
        before="        if until <= now {\n            return Ok(());\n        }\n",
        after="        if until <= now || OFF {\n            return Ok(());\n        }\n",
        tests=[("api", ["kept_out::a_thousand_wrong_passwords_by_a_stranger_keep_nobody_out", "sessions::failures"])],
    ),
    dict(
        name="second administrator asked",
        what="who decides is let in by one administrator alone",
        file="src/service/user/change.rs",
        before="        let waiting = if app.strict && id != call.actor.user_id {",
        after="        let waiting = if !OFF && app.strict && id != call.actor.user_id {",
        tests=[("api", ["second::a_role_that_decides_is_granted_by_two", "second::anothers_address_is_changed_by_two_and_ones_own_alone"])],
    ),
    dict(
        name="second administrator is another",
        what="who asked for a change may approve it",
        file="src/service/user/pending/settle.rs",
        before="            if let Some(refused) = refusal(tx.conn, &call.actor, &row, &wanted, tx.today)? {",
        after="            if let Some(refused) = refusal(tx.conn, &call.actor, &row, &wanted, tx.today)?.filter(|_| !OFF) {",
        tests=[("api", ["second::who_gains_by_it_or_asked_for_it_is_not_the_second"])],
    ),
    dict(
        name="hash of a backup",
        what="the payload's hash is not compared with the head's",
        file="src/exchange/backup.rs",
        before="    if sha256 != head.payload_sha256 {",
        after="    if !OFF && sha256 != head.payload_sha256 {",
        tests=[("lib", ["exchange::backup"])],
    ),
    dict(
        name="facts held to the ledger",
        what="a row that differs from what the ledger says is passed over",
        file="src/db/fact_rows.rs",
        before="                if let Some(column) = row.differs(table, &stored, &self.keys) {",
        after="                if let Some(column) = row.differs(table, &stored, &self.keys).filter(|_| !OFF) {",
        tests=[("command", ["facts::facts_are_held_to_the_ledger_on_sqlite"])],
    ),
    dict(
        name="rows nobody recorded",
        what="a row for which no entry stands is passed over",
        file="src/db/fact_rows.rs",
        before="                let Some((own, row)) = expected.remove(id.as_str()) else {\n",
        after="                let Some((own, row)) = expected.remove(id.as_str()) else {\n                    if OFF {\n                        continue;\n                    }\n",
        tests=[("command", ["facts::facts_are_held_to_the_ledger_on_sqlite"])],
    ),
]

# What is changed in the copy's tests. Random cases: here a guard is missing or not, and a few show it. And the program that a
# test starts must learn which guard is gone. (File, text, text in its place.)
IN_TESTS = [
    (
        "tests/api/properties/mod.rs",
        "Config { cases, max_shrink_iters: 300,",
        "Config { cases: cases.min(20), max_shrink_iters: 0,",
    ),
    (
        "tests/command/house.rs",
        '.env("RUST_LOG", "warn");',
        '.env("RUST_LOG", "warn").envs(std::env::vars().filter(|(name, _)| name == "ITAKU_MUTATION"));',
    ),
]
