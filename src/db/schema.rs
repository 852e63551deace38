//! The tables as diesel sees them; the same on both databases. Kept in step with `migrations/` by a test.

diesel::table! {
    organizations (id) {
        id -> Text,
        kind -> Text,
        code -> Nullable<Text>,
        name -> Text,
        name_key -> Text,
        search_key -> Text,
        skeleton -> Text,
        corporate_number -> Nullable<Text>,
        country -> Text,
        address -> Nullable<Text>,
        contact_email -> Nullable<Text>,
        merged_into -> Nullable<Text>,
        salt -> Text,
        created_at -> Timestamp,
        version -> BigInt,
    }
}

diesel::table! {
    organization_names (organization_id, version) {
        organization_id -> Text,
        version -> BigInt,
        search_key -> Text,
    }
}

diesel::table! {
    users (id) {
        id -> Text,
        organization_id -> Text,
        email -> Text,
        email_key -> Text,
        name -> Text,
        password_hash -> Nullable<Text>,
        password_set_by_other -> Bool,
        active -> Bool,
        expires_on -> Nullable<Date>,
        salt -> Text,
        created_at -> Timestamp,
        version -> BigInt,
    }
}

diesel::table! {
    user_roles (user_id, role) {
        user_id -> Text,
        organization_id -> Text,
        role -> Text,
    }
}

diesel::table! {
    deputies (id) {
        id -> Text,
        organization_id -> Text,
        user_id -> Text,
        deputy_id -> Text,
        starts_on -> Date,
        ends_on -> Date,
        created_at -> Timestamp,
    }
}

diesel::table! {
    pending_changes (id) {
        id -> Text,
        organization_id -> Text,
        user_id -> Text,
        kind -> Text,
        wanted -> Text,
        email -> Nullable<Text>,
        salt -> Text,
        asked_by -> Text,
        asked_at -> Timestamp,
        takes_effect_at -> Nullable<Timestamp>,
        expires_at -> Timestamp,
        state -> Text,
        ended_by -> Nullable<Text>,
        ended_at -> Nullable<Timestamp>,
        reason -> Nullable<Text>,
    }
}

diesel::table! {
    sessions (id) {
        id -> Text,
        organization_id -> Text,
        user_id -> Text,
        created_at -> Timestamp,
        seen_at -> Timestamp,
        authenticated_at -> Timestamp,
        expires_at -> Timestamp,
        ended_at -> Nullable<Timestamp>,
        end_reason -> Nullable<Text>,
    }
}

diesel::table! {
    refresh_tokens (token_hash) {
        token_hash -> Text,
        organization_id -> Text,
        session_id -> Text,
        issued_at -> Timestamp,
        used_at -> Nullable<Timestamp>,
    }
}

diesel::table! {
    totp_factors (user_id) {
        user_id -> Text,
        organization_id -> Text,
        secret -> Nullable<Text>,
        confirmed_at -> Nullable<Timestamp>,
        last_step -> BigInt,
        pending_secret -> Nullable<Text>,
        pending_at -> Nullable<Timestamp>,
    }
}

diesel::table! {
    passkeys (id) {
        id -> Text,
        organization_id -> Text,
        user_id -> Text,
        credential_id -> Text,
        name -> Text,
        credential -> Text,
        created_at -> Timestamp,
        used_at -> Nullable<Timestamp>,
    }
}

diesel::table! {
    recovery_codes (code_hash) {
        code_hash -> Text,
        organization_id -> Text,
        user_id -> Text,
        created_at -> Timestamp,
        used_at -> Nullable<Timestamp>,
    }
}

diesel::table! {
    factor_challenges (token_hash) {
        token_hash -> Text,
        organization_id -> Text,
        user_id -> Text,
        purpose -> Text,
        state -> Nullable<Text>,
        expires_at -> Timestamp,
    }
}

diesel::table! {
    account_tokens (token_hash) {
        token_hash -> Text,
        organization_id -> Text,
        user_id -> Text,
        purpose -> Text,
        created_at -> Timestamp,
        expires_at -> Timestamp,
        used_at -> Nullable<Timestamp>,
    }
}

diesel::table! {
    known_devices (user_id, device_hash) {
        user_id -> Text,
        organization_id -> Text,
        device_hash -> Text,
        created_at -> Timestamp,
        seen_at -> Timestamp,
    }
}

diesel::table! {
    login_attempts (key) {
        key -> Text,
        account_key -> Text,
        counted -> Text,
        failures -> Integer,
        counted_from -> Timestamp,
        blocked_until -> Timestamp,
        crowded_until -> Nullable<Timestamp>,
        day -> Date,
        day_failures -> Integer,
    }
}

diesel::table! {
    idempotency_keys (user_id, route, key) {
        user_id -> Text,
        organization_id -> Text,
        route -> Text,
        key -> Text,
        body_hash -> Text,
        answer -> Text,
        created_at -> Timestamp,
    }
}

diesel::table! {
    uploads (id) {
        id -> Text,
        user_id -> Text,
        organization_id -> Text,
        name -> Text,
        content -> Binary,
        created_at -> Timestamp,
    }
}

diesel::table! {
    consent_drafts (id) {
        id -> Text,
        agency_id -> Text,
        name -> Text,
        content -> Binary,
        numbers_confirmed -> Bool,
        state -> Text,
        drafted_by -> Text,
        drafted_at -> Timestamp,
        settled_by -> Nullable<Text>,
        settled_on -> Nullable<Date>,
    }
}

diesel::table! {
    leases (name) {
        name -> Text,
        holder -> Text,
        expires_at -> Timestamp,
    }
}

diesel::table! {
    job_runs (name) {
        name -> Text,
        last_day -> Date,
    }
}

diesel::table! {
    backup_runs (id) {
        id -> Text,
        organization_id -> Text,
        started_at -> Timestamp,
        ended_at -> Timestamp,
        file -> Nullable<Text>,
        bytes -> Nullable<BigInt>,
        sha256 -> Nullable<Text>,
        entries -> Nullable<BigInt>,
        second -> Bool,
        removed_at -> Nullable<Timestamp>,
        error -> Nullable<Text>,
    }
}

diesel::table! {
    holidays (day) {
        day -> Date,
        name -> Text,
    }
}

diesel::table! {
    register_records (corporate_number) {
        corporate_number -> Text,
        name -> Text,
        name_key -> Text,
        kind -> Text,
        address -> Text,
        updated_on -> Date,
        changed_on -> Date,
        closed_on -> Nullable<Date>,
        close_cause -> Nullable<Text>,
        successor -> Nullable<Text>,
    }
}

diesel::table! {
    register_events (id) {
        id -> Text,
        corporate_number -> Text,
        fingerprint -> Text,
        process -> Text,
        updated_on -> Date,
        changed_on -> Date,
        name -> Text,
        address -> Text,
        closed_on -> Nullable<Date>,
        close_cause -> Nullable<Text>,
        successor -> Nullable<Text>,
        detail -> Text,
        recorded_at -> Timestamp,
    }
}

diesel::table! {
    agency_settings (agency_id) {
        agency_id -> Text,
        body -> Text,
        version -> BigInt,
        updated_at -> Timestamp,
    }
}

diesel::table! {
    departments (agency_id, name) {
        agency_id -> Text,
        name -> Text,
        email -> Text,
        telephone -> Nullable<Text>,
    }
}

diesel::table! {
    contract_imports (id) {
        id -> Text,
        agency_id -> Text,
        origin -> Text,
        contracts -> Integer,
        imported_by -> Nullable<Text>,
        imported_on -> Date,
        undone_on -> Nullable<Date>,
        undone_by -> Nullable<Text>,
        undo_reason -> Nullable<Text>,
        seq -> BigInt,
        recorded_at -> Timestamp,
    }
}

diesel::table! {
    contracts (id) {
        id -> Text,
        agency_id -> Text,
        number -> Text,
        number_key -> Text,
        vendor_id -> Text,
        origin -> Text,
        period_assumed -> Bool,
        joint_vendors -> Text,
        salt -> Nullable<Text>,
        joint_agencies -> Text,
        created_by -> Nullable<Text>,
        created_at -> Timestamp,
        learned_on -> Date,
        import_id -> Nullable<Text>,
        officer_id -> Nullable<Text>,
        title -> Text,
        fiscal_year -> Integer,
        amount_yen -> BigInt,
        entrusts_data -> Bool,
        starts_on -> Date,
        last_day -> Date,
        department -> Nullable<Text>,
        search_key -> Text,
        open_alerts -> Integer,
        voided_on -> Nullable<Date>,
        version -> BigInt,
    }
}

diesel::table! {
    contract_terms (id) {
        id -> Text,
        contract_id -> Text,
        agency_id -> Text,
        effective_on -> Date,
        kind -> Text,
        answers -> Nullable<BigInt>,
        reason -> Nullable<Text>,
        body -> Text,
        seq -> BigInt,
        recorded_at -> Timestamp,
    }
}

diesel::table! {
    contract_terminations (id) {
        id -> Text,
        contract_id -> Text,
        agency_id -> Text,
        effective_on -> Date,
        reason -> Text,
        seq -> BigInt,
        recorded_at -> Timestamp,
    }
}

diesel::table! {
    contract_voids (id) {
        id -> Text,
        contract_id -> Text,
        agency_id -> Text,
        voided_on -> Date,
        reason -> Text,
        voided_by -> Nullable<Text>,
        seq -> BigInt,
        recorded_at -> Timestamp,
    }
}

diesel::table! {
    contract_officers (id) {
        id -> Text,
        contract_id -> Text,
        agency_id -> Text,
        officer_id -> Text,
        starts_on -> Date,
        withdrawn_on -> Nullable<Date>,
        seq -> BigInt,
        recorded_at -> Timestamp,
    }
}

diesel::table! {
    engagements (id) {
        id -> Text,
        contract_id -> Text,
        agency_id -> Text,
        parent_id -> Nullable<Text>,
        vendor_id -> Text,
        tier -> Integer,
        seq -> BigInt,
        recorded_at -> Timestamp,
    }
}

diesel::table! {
    engagement_merges (id) {
        id -> Text,
        contract_id -> Text,
        agency_id -> Text,
        into_id -> Text,
        seq -> BigInt,
        recorded_at -> Timestamp,
    }
}

diesel::table! {
    engagement_names (id) {
        id -> Text,
        contract_id -> Text,
        agency_id -> Text,
        engagement_id -> Text,
        named_in -> Text,
        likeness -> Text,
        name -> Text,
        salt -> Text,
        seq -> BigInt,
        recorded_at -> Timestamp,
    }
}

diesel::table! {
    applications (id) {
        id -> Text,
        contract_id -> Text,
        agency_id -> Text,
        engagement_id -> Text,
        applicant_id -> Text,
        applied_by -> Text,
        supersedes -> Bool,
        filed_on -> Date,
        body -> Text,
        state -> Text,
        version -> BigInt,
        seq -> BigInt,
        recorded_at -> Timestamp,
    }
}

diesel::table! {
    application_steps (id) {
        id -> Text,
        application_id -> Text,
        contract_id -> Text,
        agency_id -> Text,
        step -> Text,
        on_day -> Date,
        by_user -> Text,
        body -> Text,
        seq -> BigInt,
        recorded_at -> Timestamp,
    }
}

diesel::table! {
    consents (id) {
        id -> Text,
        contract_id -> Text,
        agency_id -> Text,
        engagement_id -> Text,
        application_id -> Nullable<Text>,
        decided_on -> Date,
        decided_by -> Text,
        valid_from -> Date,
        valid_until -> Date,
        supersedes -> Bool,
        amount_yen -> BigInt,
        country -> Text,
        data -> Text,
        body -> Text,
        seq -> BigInt,
        recorded_at -> Timestamp,
    }
}

diesel::table! {
    revocations (id) {
        id -> Text,
        contract_id -> Text,
        agency_id -> Text,
        engagement_id -> Text,
        effective_on -> Date,
        reason -> Text,
        revoked_by -> Text,
        seq -> BigInt,
        recorded_at -> Timestamp,
    }
}

diesel::table! {
    declarations (id) {
        id -> Text,
        contract_id -> Text,
        agency_id -> Text,
        organization_id -> Text,
        period_from -> Date,
        period_to -> Date,
        filed_on -> Date,
        no_subcontracting -> Bool,
        declared_by -> Text,
        receipt -> Text,
        seq -> BigInt,
        recorded_at -> Timestamp,
    }
}

diesel::table! {
    observations (id) {
        id -> Text,
        contract_id -> Text,
        agency_id -> Text,
        engagement_id -> Text,
        source -> Text,
        note -> Nullable<Text>,
        observed_by -> Text,
        seq -> BigInt,
        recorded_at -> Timestamp,
    }
}

diesel::table! {
    statements (id) {
        id -> Text,
        contract_id -> Text,
        agency_id -> Text,
        engagement_id -> Text,
        source -> Text,
        source_organization_id -> Nullable<Text>,
        declaration_id -> Nullable<Text>,
        observation_id -> Nullable<Text>,
        started_on -> Date,
        ended_on -> Nullable<Date>,
        scope -> Nullable<Text>,
        country -> Nullable<Text>,
        amount_yen -> Nullable<BigInt>,
        data -> Text,
        seq -> BigInt,
        recorded_at -> Timestamp,
    }
}

diesel::table! {
    retractions (id) {
        id -> Text,
        contract_id -> Text,
        agency_id -> Text,
        declaration_id -> Nullable<Text>,
        observation_id -> Nullable<Text>,
        reason -> Text,
        retracted_by -> Text,
        seq -> BigInt,
        recorded_at -> Timestamp,
    }
}

diesel::table! {
    audits (id) {
        id -> Text,
        contract_id -> Text,
        agency_id -> Text,
        engagement_id -> Nullable<Text>,
        series_id -> Text,
        place -> Integer,
        kind -> Text,
        first_due_on -> Date,
        due_on -> Date,
        every_months -> Nullable<Integer>,
        unannounced -> Bool,
        auditor -> Nullable<Text>,
        salt -> Nullable<Text>,
        planned_by -> Nullable<Text>,
        seq -> BigInt,
        recorded_at -> Timestamp,
    }
}

diesel::table! {
    audit_completions (id) {
        id -> Text,
        audit_id -> Text,
        contract_id -> Text,
        agency_id -> Text,
        done_on -> Date,
        result -> Text,
        note -> Nullable<Text>,
        corrected_on -> Nullable<Date>,
        correction -> Nullable<Text>,
        completed_by -> Text,
        seq -> BigInt,
        recorded_at -> Timestamp,
    }
}

diesel::table! {
    audit_cancellations (id) {
        id -> Text,
        audit_id -> Text,
        contract_id -> Text,
        agency_id -> Text,
        cancelled_on -> Date,
        reason -> Text,
        cancelled_by -> Text,
        seq -> BigInt,
        recorded_at -> Timestamp,
    }
}

diesel::table! {
    findings (id) {
        id -> Text,
        audit_id -> Text,
        contract_id -> Text,
        agency_id -> Text,
        place -> Integer,
        text -> Text,
        severity -> Text,
        due_on -> Date,
        withdrawn_on -> Nullable<Date>,
        confirmed_on -> Nullable<Date>,
        confirmation -> Nullable<Text>,
        confirmed_by -> Nullable<Text>,
        seq -> BigInt,
        recorded_at -> Timestamp,
    }
}

diesel::table! {
    alerts (id) {
        id -> Text,
        agency_id -> Text,
        contract_id -> Nullable<Text>,
        engagement_id -> Nullable<Text>,
        vendor_id -> Nullable<Text>,
        kind -> Text,
        subject -> Text,
        severity -> Text,
        state -> Text,
        cause -> Nullable<Text>,
        assessment -> Nullable<Text>,
        assessment_reason -> Nullable<Text>,
        message -> Text,
        salt -> Nullable<Text>,
        rule_version -> Integer,
        due_on -> Nullable<Date>,
        days -> Text,
        last_step -> Nullable<Text>,
        opened_on -> Date,
        opened_at -> Timestamp,
        acknowledged_by -> Nullable<Text>,
        measure -> Nullable<Text>,
        measured_by -> Nullable<Text>,
        accepted_until -> Nullable<Date>,
        resolved_on -> Nullable<Date>,
        resolved_at -> Nullable<Timestamp>,
        resolution -> Nullable<Text>,
        version -> BigInt,
    }
}

diesel::table! {
    access_log (id) {
        id -> Text,
        agency_id -> Text,
        contract_id -> Text,
        user_id -> Text,
        organization_id -> Text,
        what -> Text,
        at -> Timestamp,
        day -> Date,
    }
}

diesel::table! {
    notices (id) {
        id -> Text,
        organization_id -> Text,
        contract_id -> Nullable<Text>,
        kind -> Text,
        subject -> Text,
        step -> Text,
        recipient -> Text,
        address -> Text,
        context -> Text,
        state -> Text,
        attempts -> Integer,
        next_attempt_at -> Nullable<Timestamp>,
        claimed_until -> Nullable<Timestamp>,
        created_at -> Timestamp,
        created_on -> Date,
        sent_at -> Nullable<Timestamp>,
        last_error -> Nullable<Text>,
    }
}

diesel::table! {
    due (subject_kind, subject_id) {
        subject_kind -> Text,
        subject_id -> Text,
        agency_id -> Text,
        check_on -> Date,
    }
}

diesel::table! {
    deadlines (id) {
        id -> Text,
        contract_id -> Text,
        agency_id -> Text,
        kind -> Text,
        application_id -> Nullable<Text>,
        vendor_id -> Text,
        engagement_id -> Nullable<Text>,
        period_from -> Nullable<Date>,
        period_to -> Nullable<Date>,
        known_on -> Nullable<Date>,
        due_on -> Date,
    }
}

diesel::table! {
    ledger_chains (id) {
        id -> Text,
        organization_id -> Text,
        seq -> BigInt,
        head -> Text,
        last_at -> Timestamp,
    }
}

diesel::table! {
    ledger_entries (id) {
        id -> Text,
        chain_id -> Text,
        organization_id -> Text,
        seq -> BigInt,
        at -> Timestamp,
        actor_id -> Nullable<Text>,
        actor_organization_id -> Nullable<Text>,
        action -> Text,
        subject_id -> Text,
        payload -> Text,
        prev_hash -> Text,
        hash -> Text,
    }
}

diesel::table! {
    ledger_names (subject_id, entry_id) {
        subject_id -> Text,
        entry_id -> Text,
        organization_id -> Text,
    }
}

diesel::allow_tables_to_appear_in_same_query!(
    organizations,
    organization_names,
    users,
    user_roles,
    deputies,
    pending_changes,
    sessions,
    refresh_tokens,
    totp_factors,
    passkeys,
    recovery_codes,
    factor_challenges,
    account_tokens,
    known_devices,
    login_attempts,
    idempotency_keys,
    uploads,
    consent_drafts,
    leases,
    job_runs,
    backup_runs,
    holidays,
    register_records,
    register_events,
    agency_settings,
    departments,
    contract_imports,
    contracts,
    contract_terms,
    contract_terminations,
    contract_voids,
    contract_officers,
    engagements,
    engagement_merges,
    engagement_names,
    applications,
    application_steps,
    consents,
    revocations,
    declarations,
    observations,
    statements,
    retractions,
    audits,
    audit_completions,
    audit_cancellations,
    findings,
    alerts,
    access_log,
    notices,
    due,
    deadlines,
    ledger_chains,
    ledger_entries,
    ledger_names,
);
