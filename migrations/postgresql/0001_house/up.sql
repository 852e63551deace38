-- Organizations and people -------------------------------------------------------------------------------------

CREATE TABLE organizations (
  id TEXT COLLATE "C" NOT NULL PRIMARY KEY,
  kind TEXT COLLATE "C" NOT NULL CHECK (kind IN ('agency', 'vendor', 'system')),
  code TEXT COLLATE "C" UNIQUE,
  name TEXT COLLATE "C" NOT NULL,
  name_key TEXT COLLATE "C" NOT NULL,
  search_key TEXT COLLATE "C" NOT NULL,
  -- what the name looks like
  skeleton TEXT COLLATE "C" NOT NULL,
  corporate_number TEXT COLLATE "C" UNIQUE,
  country TEXT COLLATE "C" NOT NULL,
  address TEXT COLLATE "C",
  contact_email TEXT COLLATE "C",
  -- the vendor that it turned out to be
  merged_into TEXT COLLATE "C" REFERENCES organizations (id),
  -- goes before what is hashed for the ledger; gone, the hashes tell nothing
  salt TEXT COLLATE "C" NOT NULL,
  created_at TIMESTAMP NOT NULL,
  version BIGINT NOT NULL
);

-- The keys of names that an organization had before: they still lead to it.
CREATE TABLE organization_names (
  organization_id TEXT COLLATE "C" NOT NULL REFERENCES organizations (id),
  -- The last version of the organization with that name.
  version BIGINT NOT NULL,
  search_key TEXT COLLATE "C" NOT NULL,
  PRIMARY KEY (organization_id, version)
);
CREATE INDEX organizations_kind ON organizations (kind, id);
CREATE INDEX organizations_name_key ON organizations (name_key);
CREATE INDEX organizations_skeleton ON organizations (skeleton);

CREATE TABLE users (
  id TEXT COLLATE "C" NOT NULL PRIMARY KEY,
  organization_id TEXT COLLATE "C" NOT NULL REFERENCES organizations (id),
  email TEXT COLLATE "C" NOT NULL,
  email_key TEXT COLLATE "C" NOT NULL UNIQUE,
  name TEXT COLLATE "C" NOT NULL,
  password_hash TEXT COLLATE "C",
  -- Not by the person: where guards are on, it opens nothing but the form to set another.
  password_set_by_other BOOLEAN NOT NULL,
  active BOOLEAN NOT NULL,
  expires_on DATE,
  salt TEXT COLLATE "C" NOT NULL,
  created_at TIMESTAMP NOT NULL,
  version BIGINT NOT NULL
);
CREATE INDEX users_organization ON users (organization_id, id);

CREATE TABLE user_roles (
  user_id TEXT COLLATE "C" NOT NULL REFERENCES users (id),
  organization_id TEXT COLLATE "C" NOT NULL REFERENCES organizations (id),
  role TEXT COLLATE "C" NOT NULL,
  PRIMARY KEY (user_id, role)
);
CREATE INDEX user_roles_organization ON user_roles (organization_id, role);

-- 代理: who stands in for whom, and when.
CREATE TABLE deputies (
  id TEXT COLLATE "C" NOT NULL PRIMARY KEY,
  organization_id TEXT COLLATE "C" NOT NULL REFERENCES organizations (id),
  user_id TEXT COLLATE "C" NOT NULL REFERENCES users (id),
  deputy_id TEXT COLLATE "C" NOT NULL REFERENCES users (id),
  starts_on DATE NOT NULL,
  ends_on DATE NOT NULL,
  created_at TIMESTAMP NOT NULL
);
CREATE INDEX deputies_user ON deputies (organization_id, user_id);
CREATE INDEX deputies_deputy ON deputies (deputy_id);

-- Changes of accounts that wait for a second administrator. The ledger has each step; here are the clear texts.
CREATE TABLE pending_changes (
  id TEXT NOT NULL PRIMARY KEY,
  organization_id TEXT NOT NULL REFERENCES organizations (id),
  -- Whose account it is.
  user_id TEXT NOT NULL REFERENCES users (id),
  kind TEXT NOT NULL CHECK (kind IN ('roles', 'email', 'active', 'expires_on', 'deputy')),
  -- What is wanted, as JSON; an address stands beside it.
  wanted TEXT NOT NULL,
  email TEXT,
  salt TEXT NOT NULL,
  asked_by TEXT NOT NULL REFERENCES users (id),
  asked_at TIMESTAMP NOT NULL,
  -- NULL: not without an approval.
  takes_effect_at TIMESTAMP,
  expires_at TIMESTAMP NOT NULL,
  state TEXT NOT NULL CHECK (state IN ('asked', 'in_force', 'rejected', 'withdrawn', 'expired', 'void')),
  -- NULL in an end: the program's.
  ended_by TEXT REFERENCES users (id),
  ended_at TIMESTAMP,
  reason TEXT
);
CREATE INDEX pending_changes_organization ON pending_changes (organization_id, state, id);
CREATE INDEX pending_changes_user ON pending_changes (user_id, state);
CREATE INDEX pending_changes_expires ON pending_changes (state, expires_at);

-- Sessions live by the machine's clock.
CREATE TABLE sessions (
  id TEXT COLLATE "C" NOT NULL PRIMARY KEY,
  organization_id TEXT COLLATE "C" NOT NULL REFERENCES organizations (id),
  user_id TEXT COLLATE "C" NOT NULL REFERENCES users (id),
  created_at TIMESTAMP NOT NULL,
  seen_at TIMESTAMP NOT NULL,
  -- When who uses it last showed who they are: at the login, or asked again since.
  authenticated_at TIMESTAMP NOT NULL,
  expires_at TIMESTAMP NOT NULL,
  ended_at TIMESTAMP,
  end_reason TEXT COLLATE "C"
);
CREATE INDEX sessions_user ON sessions (user_id, ended_at);

CREATE TABLE refresh_tokens (
  token_hash TEXT COLLATE "C" NOT NULL PRIMARY KEY,
  organization_id TEXT COLLATE "C" NOT NULL REFERENCES organizations (id),
  session_id TEXT COLLATE "C" NOT NULL REFERENCES sessions (id),
  issued_at TIMESTAMP NOT NULL,
  used_at TIMESTAMP
);
CREATE INDEX refresh_tokens_session ON refresh_tokens (session_id);

-- Second factors. A secret stands sealed with a key that is not in the database.
CREATE TABLE totp_factors (
  user_id TEXT COLLATE "C" NOT NULL PRIMARY KEY REFERENCES users (id),
  organization_id TEXT COLLATE "C" NOT NULL REFERENCES organizations (id),
  -- In force since it was confirmed by a code.
  secret TEXT COLLATE "C",
  confirmed_at TIMESTAMP,
  -- The last step whose code was used: a code works once.
  last_step BIGINT NOT NULL,
  -- Shown, and not confirmed yet.
  pending_secret TEXT COLLATE "C",
  pending_at TIMESTAMP
);

CREATE TABLE passkeys (
  id TEXT COLLATE "C" NOT NULL PRIMARY KEY,
  organization_id TEXT COLLATE "C" NOT NULL REFERENCES organizations (id),
  user_id TEXT COLLATE "C" NOT NULL REFERENCES users (id),
  credential_id TEXT COLLATE "C" NOT NULL UNIQUE,
  name TEXT COLLATE "C" NOT NULL,
  -- Public key and counter, as the library writes them.
  credential TEXT COLLATE "C" NOT NULL,
  created_at TIMESTAMP NOT NULL,
  used_at TIMESTAMP
);
CREATE INDEX passkeys_user ON passkeys (user_id, id);

-- Only the hash of a code is kept; each works once.
CREATE TABLE recovery_codes (
  code_hash TEXT COLLATE "C" NOT NULL PRIMARY KEY,
  organization_id TEXT COLLATE "C" NOT NULL REFERENCES organizations (id),
  user_id TEXT COLLATE "C" NOT NULL REFERENCES users (id),
  created_at TIMESTAMP NOT NULL,
  used_at TIMESTAMP
);
CREATE INDEX recovery_codes_user ON recovery_codes (user_id);

-- What waits for a second factor: a login whose password was right, a passkey to be registered or shown again. It opens
-- nothing by itself and lives for minutes.
CREATE TABLE factor_challenges (
  token_hash TEXT COLLATE "C" NOT NULL PRIMARY KEY,
  organization_id TEXT COLLATE "C" NOT NULL REFERENCES organizations (id),
  user_id TEXT COLLATE "C" NOT NULL REFERENCES users (id),
  purpose TEXT COLLATE "C" NOT NULL CHECK (purpose IN ('login', 'registration', 'reauthentication')),
  -- What a passkey must answer to; NULL: nothing is asked of one.
  state TEXT COLLATE "C",
  expires_at TIMESTAMP NOT NULL
);
CREATE INDEX factor_challenges_user ON factor_challenges (user_id);
CREATE INDEX factor_challenges_expires ON factor_challenges (expires_at);

-- Invitations and password resets: only the hash of a token is kept.
CREATE TABLE account_tokens (
  token_hash TEXT COLLATE "C" NOT NULL PRIMARY KEY,
  organization_id TEXT COLLATE "C" NOT NULL REFERENCES organizations (id),
  user_id TEXT COLLATE "C" NOT NULL REFERENCES users (id),
  purpose TEXT COLLATE "C" NOT NULL CHECK (purpose IN ('invitation', 'password_reset')),
  created_at TIMESTAMP NOT NULL,
  expires_at TIMESTAMP NOT NULL,
  used_at TIMESTAMP
);
CREATE INDEX account_tokens_user ON account_tokens (user_id, purpose);

-- Browsers from which someone has signed in before: their wrong passwords are counted apart from strangers'.
CREATE TABLE known_devices (
  user_id TEXT COLLATE "C" NOT NULL REFERENCES users (id),
  organization_id TEXT COLLATE "C" NOT NULL REFERENCES organizations (id),
  device_hash TEXT COLLATE "C" NOT NULL,
  created_at TIMESTAMP NOT NULL,
  seen_at TIMESTAMP NOT NULL,
  PRIMARY KEY (user_id, device_hash)
);
CREATE INDEX known_devices_hash ON known_devices (device_hash);

-- By hash of the address typed, whether or not an account has it: both must look alike.
CREATE TABLE login_attempts (
  -- of an account's strangers, of one of their addresses, of a known device, or of resets
  key TEXT COLLATE "C" NOT NULL PRIMARY KEY,
  account_key TEXT COLLATE "C" NOT NULL,
  counted TEXT COLLATE "C" NOT NULL CHECK (counted IN ('strangers', 'address', 'known', 'reset')),
  failures INTEGER NOT NULL,
  counted_from TIMESTAMP NOT NULL,
  blocked_until TIMESTAMP NOT NULL,
  -- until then one address of a stranger has a share of a window, not all of it
  crowded_until TIMESTAMP,
  day DATE NOT NULL,
  day_failures INTEGER NOT NULL
);
CREATE INDEX login_attempts_account ON login_attempts (account_key);

CREATE TABLE idempotency_keys (
  user_id TEXT COLLATE "C" NOT NULL REFERENCES users (id),
  organization_id TEXT COLLATE "C" NOT NULL REFERENCES organizations (id),
  route TEXT COLLATE "C" NOT NULL,
  key TEXT COLLATE "C" NOT NULL,
  body_hash TEXT COLLATE "C" NOT NULL,
  answer TEXT COLLATE "C" NOT NULL,
  created_at TIMESTAMP NOT NULL,
  PRIMARY KEY (user_id, route, key)
);
CREATE INDEX idempotency_keys_created ON idempotency_keys (created_at);

-- A file sent for import, between its preview and its confirmation.
CREATE TABLE uploads (
  id TEXT COLLATE "C" NOT NULL PRIMARY KEY,
  user_id TEXT COLLATE "C" NOT NULL REFERENCES users (id),
  organization_id TEXT COLLATE "C" NOT NULL REFERENCES organizations (id),
  name TEXT COLLATE "C" NOT NULL,
  content BYTEA NOT NULL,
  created_at TIMESTAMP NOT NULL
);
CREATE INDEX uploads_user ON uploads (user_id, created_at);
CREATE INDEX uploads_created ON uploads (created_at);

-- Consents given on paper, drafted by an officer as one file for an approver to record.
CREATE TABLE consent_drafts (
  id TEXT COLLATE "C" NOT NULL PRIMARY KEY,
  agency_id TEXT COLLATE "C" NOT NULL REFERENCES organizations (id),
  name TEXT COLLATE "C" NOT NULL,
  content BYTEA NOT NULL,
  -- Someone said that its document numbers of twelve digits are no 個人番号
  numbers_confirmed BOOLEAN NOT NULL,
  state TEXT COLLATE "C" NOT NULL CHECK (state IN ('prepared', 'waiting', 'recorded', 'withdrawn')),
  drafted_by TEXT COLLATE "C" NOT NULL REFERENCES users (id),
  drafted_at TIMESTAMP NOT NULL,
  settled_by TEXT COLLATE "C" REFERENCES users (id),
  settled_on DATE
);
CREATE INDEX consent_drafts_agency ON consent_drafts (agency_id, state, id);

-- Reference data and the program's own state --------------------------------------------------------------------

CREATE TABLE leases (
  name TEXT COLLATE "C" NOT NULL PRIMARY KEY,
  holder TEXT COLLATE "C" NOT NULL,
  expires_at TIMESTAMP NOT NULL
);

CREATE TABLE job_runs (
  name TEXT COLLATE "C" NOT NULL PRIMARY KEY,
  last_day DATE NOT NULL
);

-- The daily backups, of the operator.
CREATE TABLE backup_runs (
  id TEXT COLLATE "C" NOT NULL PRIMARY KEY,
  organization_id TEXT COLLATE "C" NOT NULL REFERENCES organizations (id),
  started_at TIMESTAMP NOT NULL,
  ended_at TIMESTAMP NOT NULL,
  -- null: nothing was made, and error says why
  file TEXT COLLATE "C",
  bytes BIGINT,
  sha256 TEXT COLLATE "C",
  entries BIGINT,
  second BOOLEAN NOT NULL,
  removed_at TIMESTAMP,
  error TEXT COLLATE "C"
);
CREATE INDEX backup_runs_organization ON backup_runs (organization_id, id);

CREATE TABLE holidays (
  day DATE NOT NULL PRIMARY KEY,
  name TEXT COLLATE "C" NOT NULL
);

-- The corporate-number register as imported: the latest record of each number, and every change told.
CREATE TABLE register_records (
  corporate_number TEXT COLLATE "C" NOT NULL PRIMARY KEY,
  name TEXT COLLATE "C" NOT NULL,
  name_key TEXT COLLATE "C" NOT NULL,
  kind TEXT COLLATE "C" NOT NULL,
  address TEXT COLLATE "C" NOT NULL,
  updated_on DATE NOT NULL,
  changed_on DATE NOT NULL,
  closed_on DATE,
  close_cause TEXT COLLATE "C",
  successor TEXT COLLATE "C"
);
CREATE INDEX register_records_name_key ON register_records (name_key);

CREATE TABLE register_events (
  id TEXT COLLATE "C" NOT NULL PRIMARY KEY,
  corporate_number TEXT COLLATE "C" NOT NULL,
  fingerprint TEXT COLLATE "C" NOT NULL UNIQUE,
  process TEXT COLLATE "C" NOT NULL,
  updated_on DATE NOT NULL,
  changed_on DATE NOT NULL,
  name TEXT COLLATE "C" NOT NULL,
  address TEXT COLLATE "C" NOT NULL,
  closed_on DATE,
  close_cause TEXT COLLATE "C",
  successor TEXT COLLATE "C",
  detail TEXT COLLATE "C" NOT NULL,
  recorded_at TIMESTAMP NOT NULL
);
CREATE INDEX register_events_number ON register_events (corporate_number, updated_on);

CREATE TABLE agency_settings (
  agency_id TEXT COLLATE "C" NOT NULL PRIMARY KEY REFERENCES organizations (id),
  body TEXT COLLATE "C" NOT NULL,
  version BIGINT NOT NULL,
  updated_at TIMESTAMP NOT NULL
);

-- 担当部署 and the address that is told beside the responsible officer.
CREATE TABLE departments (
  agency_id TEXT COLLATE "C" NOT NULL REFERENCES organizations (id),
  name TEXT COLLATE "C" NOT NULL,
  email TEXT COLLATE "C" NOT NULL,
  telephone TEXT COLLATE "C",
  PRIMARY KEY (agency_id, name)
);

-- Contracts: facts with two times, and a projection for lists -----------------------------------------------------

-- A file of contracts that was taken in: what can be undone as one act.
CREATE TABLE contract_imports (
  id TEXT COLLATE "C" NOT NULL PRIMARY KEY,
  agency_id TEXT COLLATE "C" NOT NULL REFERENCES organizations (id),
  origin TEXT COLLATE "C" NOT NULL,
  -- how many contracts it brought
  contracts INTEGER NOT NULL,
  imported_by TEXT COLLATE "C" REFERENCES users (id),
  imported_on DATE NOT NULL,
  undone_on DATE,
  undone_by TEXT COLLATE "C" REFERENCES users (id),
  undo_reason TEXT COLLATE "C",
  seq BIGINT NOT NULL,
  recorded_at TIMESTAMP NOT NULL
);
CREATE INDEX contract_imports_agency ON contract_imports (agency_id, id);

CREATE TABLE contracts (
  id TEXT COLLATE "C" NOT NULL PRIMARY KEY,
  agency_id TEXT COLLATE "C" NOT NULL REFERENCES organizations (id),
  number TEXT COLLATE "C" NOT NULL,
  -- under which it is one and in order
  number_key TEXT COLLATE "C" NOT NULL,
  vendor_id TEXT COLLATE "C" NOT NULL REFERENCES organizations (id),
  origin TEXT COLLATE "C" NOT NULL,
  period_assumed BOOLEAN NOT NULL,
  joint_vendors TEXT COLLATE "C" NOT NULL,
  -- of the joint vendors in the ledger
  salt TEXT COLLATE "C",
  joint_agencies TEXT COLLATE "C" NOT NULL,
  created_by TEXT COLLATE "C" REFERENCES users (id),
  created_at TIMESTAMP NOT NULL,
  learned_on DATE NOT NULL,
  -- NULL: entered by hand
  import_id TEXT COLLATE "C" REFERENCES contract_imports (id),
  -- projection, rebuilt from the facts
  officer_id TEXT COLLATE "C" REFERENCES users (id),
  title TEXT COLLATE "C" NOT NULL,
  fiscal_year INTEGER NOT NULL,
  amount_yen BIGINT NOT NULL,
  -- whether the terms name data of persons
  entrusts_data BOOLEAN NOT NULL,
  starts_on DATE NOT NULL,
  last_day DATE NOT NULL,
  department TEXT COLLATE "C",
  search_key TEXT COLLATE "C" NOT NULL,
  open_alerts INTEGER NOT NULL,
  -- 登録の取消し: it stands in no list and its number is free
  voided_on DATE,
  version BIGINT NOT NULL
);
CREATE UNIQUE INDEX contracts_number ON contracts (agency_id, number_key) WHERE voided_on IS NULL;
-- voided_on, empty in all its rows, makes it cover a count
CREATE INDEX contracts_agency ON contracts (agency_id, id, voided_on) WHERE voided_on IS NULL;
CREATE INDEX contracts_agency_year ON contracts (agency_id, fiscal_year, id);
CREATE INDEX contracts_agency_vendor ON contracts (agency_id, vendor_id, id);
CREATE INDEX contracts_agency_last_day ON contracts (agency_id, last_day, id, starts_on) WHERE voided_on IS NULL;
CREATE INDEX contracts_agency_amount ON contracts (agency_id, amount_yen, id);
CREATE INDEX contracts_agency_starts ON contracts (agency_id, starts_on, id) WHERE voided_on IS NULL;
CREATE INDEX contracts_department ON contracts (agency_id, department, id);
CREATE INDEX contracts_officer ON contracts (agency_id, officer_id);
CREATE INDEX contracts_alerting ON contracts (agency_id, id) WHERE open_alerts > 0;
CREATE INDEX contracts_voided ON contracts (id) WHERE voided_on IS NOT NULL;
CREATE INDEX contracts_import ON contracts (import_id, id);

CREATE TABLE contract_terms (
  id TEXT COLLATE "C" NOT NULL PRIMARY KEY,
  contract_id TEXT COLLATE "C" NOT NULL REFERENCES contracts (id),
  agency_id TEXT COLLATE "C" NOT NULL REFERENCES organizations (id),
  effective_on DATE NOT NULL,
  kind TEXT COLLATE "C" NOT NULL CHECK (kind IN ('registered', 'amended', 'department_changed', 'withdrawn', 'corrected')),
  -- the place in the ledger of the terms that are taken back or corrected
  answers BIGINT,
  reason TEXT COLLATE "C",
  body TEXT COLLATE "C" NOT NULL,
  seq BIGINT NOT NULL,
  recorded_at TIMESTAMP NOT NULL
);
CREATE INDEX contract_terms_contract ON contract_terms (contract_id);

CREATE TABLE contract_terminations (
  id TEXT COLLATE "C" NOT NULL PRIMARY KEY,
  contract_id TEXT COLLATE "C" NOT NULL REFERENCES contracts (id),
  agency_id TEXT COLLATE "C" NOT NULL REFERENCES organizations (id),
  effective_on DATE NOT NULL,
  reason TEXT COLLATE "C" NOT NULL,
  seq BIGINT NOT NULL,
  recorded_at TIMESTAMP NOT NULL
);
CREATE INDEX contract_terminations_contract ON contract_terminations (contract_id);

-- 登録の取消し of a contract that was registered by mistake.
CREATE TABLE contract_voids (
  id TEXT COLLATE "C" NOT NULL PRIMARY KEY,
  contract_id TEXT COLLATE "C" NOT NULL UNIQUE REFERENCES contracts (id),
  agency_id TEXT COLLATE "C" NOT NULL REFERENCES organizations (id),
  voided_on DATE NOT NULL,
  reason TEXT COLLATE "C" NOT NULL,
  -- NULL: the operator's command
  voided_by TEXT COLLATE "C" REFERENCES users (id),
  seq BIGINT NOT NULL,
  recorded_at TIMESTAMP NOT NULL
);

CREATE TABLE contract_officers (
  id TEXT COLLATE "C" NOT NULL PRIMARY KEY,
  contract_id TEXT COLLATE "C" NOT NULL REFERENCES contracts (id),
  agency_id TEXT COLLATE "C" NOT NULL REFERENCES organizations (id),
  officer_id TEXT COLLATE "C" NOT NULL REFERENCES users (id),
  starts_on DATE NOT NULL,
  -- The day on which a handover that had not begun was taken back
  withdrawn_on DATE,
  seq BIGINT NOT NULL,
  recorded_at TIMESTAMP NOT NULL
);
CREATE INDEX contract_officers_contract ON contract_officers (contract_id);

-- The chain ---------------------------------------------------------------------------------------------------

CREATE TABLE engagements (
  id TEXT COLLATE "C" NOT NULL PRIMARY KEY,
  contract_id TEXT COLLATE "C" NOT NULL REFERENCES contracts (id),
  agency_id TEXT COLLATE "C" NOT NULL REFERENCES organizations (id),
  parent_id TEXT COLLATE "C" REFERENCES engagements (id),
  vendor_id TEXT COLLATE "C" NOT NULL REFERENCES organizations (id),
  tier INTEGER NOT NULL,
  seq BIGINT NOT NULL,
  recorded_at TIMESTAMP NOT NULL,
  UNIQUE (contract_id, parent_id, vendor_id)
);
CREATE INDEX engagements_vendor ON engagements (vendor_id, contract_id);

-- Places that turned out to be one, since the companies at them were.
CREATE TABLE engagement_merges (
  -- the place that is one with the other
  id TEXT COLLATE "C" NOT NULL PRIMARY KEY REFERENCES engagements (id),
  contract_id TEXT COLLATE "C" NOT NULL REFERENCES contracts (id),
  agency_id TEXT COLLATE "C" NOT NULL REFERENCES organizations (id),
  into_id TEXT COLLATE "C" NOT NULL REFERENCES engagements (id),
  seq BIGINT NOT NULL,
  recorded_at TIMESTAMP NOT NULL
);
CREATE INDEX engagement_merges_contract ON engagement_merges (contract_id);

-- The names under which a company was named where they are not the one it is known by.
CREATE TABLE engagement_names (
  id TEXT COLLATE "C" NOT NULL PRIMARY KEY,
  contract_id TEXT COLLATE "C" NOT NULL REFERENCES contracts (id),
  agency_id TEXT COLLATE "C" NOT NULL REFERENCES organizations (id),
  engagement_id TEXT COLLATE "C" NOT NULL REFERENCES engagements (id),
  named_in TEXT COLLATE "C" NOT NULL,
  likeness TEXT COLLATE "C" NOT NULL,
  name TEXT COLLATE "C" NOT NULL,
  -- goes before what is hashed for the ledger
  salt TEXT COLLATE "C" NOT NULL,
  seq BIGINT NOT NULL,
  recorded_at TIMESTAMP NOT NULL
);
CREATE INDEX engagement_names_contract ON engagement_names (contract_id);

CREATE TABLE applications (
  id TEXT COLLATE "C" NOT NULL PRIMARY KEY,
  contract_id TEXT COLLATE "C" NOT NULL REFERENCES contracts (id),
  agency_id TEXT COLLATE "C" NOT NULL REFERENCES organizations (id),
  engagement_id TEXT COLLATE "C" NOT NULL REFERENCES engagements (id),
  applicant_id TEXT COLLATE "C" NOT NULL REFERENCES organizations (id),
  applied_by TEXT COLLATE "C" NOT NULL REFERENCES users (id),
  supersedes BOOLEAN NOT NULL,
  filed_on DATE NOT NULL,
  body TEXT COLLATE "C" NOT NULL,
  -- projection, rebuilt from the steps
  state TEXT COLLATE "C" NOT NULL,
  version BIGINT NOT NULL,
  seq BIGINT NOT NULL,
  recorded_at TIMESTAMP NOT NULL
);
CREATE INDEX applications_contract ON applications (contract_id, seq);
CREATE INDEX applications_agency ON applications (agency_id, id);
CREATE INDEX applications_agency_state ON applications (agency_id, state, id);
CREATE INDEX applications_applicant ON applications (applicant_id, id);

CREATE TABLE application_steps (
  id TEXT COLLATE "C" NOT NULL PRIMARY KEY,
  application_id TEXT COLLATE "C" NOT NULL REFERENCES applications (id),
  contract_id TEXT COLLATE "C" NOT NULL REFERENCES contracts (id),
  agency_id TEXT COLLATE "C" NOT NULL REFERENCES organizations (id),
  step TEXT COLLATE "C" NOT NULL,
  on_day DATE NOT NULL,
  by_user TEXT COLLATE "C" NOT NULL REFERENCES users (id),
  body TEXT COLLATE "C" NOT NULL,
  seq BIGINT NOT NULL,
  recorded_at TIMESTAMP NOT NULL
);
CREATE INDEX application_steps_contract ON application_steps (contract_id);
CREATE INDEX application_steps_application ON application_steps (application_id);

CREATE TABLE consents (
  id TEXT COLLATE "C" NOT NULL PRIMARY KEY,
  contract_id TEXT COLLATE "C" NOT NULL REFERENCES contracts (id),
  agency_id TEXT COLLATE "C" NOT NULL REFERENCES organizations (id),
  engagement_id TEXT COLLATE "C" NOT NULL REFERENCES engagements (id),
  application_id TEXT COLLATE "C" REFERENCES applications (id),
  decided_on DATE NOT NULL,
  decided_by TEXT COLLATE "C" NOT NULL REFERENCES users (id),
  valid_from DATE NOT NULL,
  valid_until DATE NOT NULL,
  supersedes BOOLEAN NOT NULL,
  amount_yen BIGINT NOT NULL,
  country TEXT COLLATE "C" NOT NULL,
  data TEXT COLLATE "C" NOT NULL,
  body TEXT COLLATE "C" NOT NULL,
  seq BIGINT NOT NULL,
  recorded_at TIMESTAMP NOT NULL
);
CREATE INDEX consents_contract ON consents (contract_id);
CREATE INDEX consents_agency ON consents (agency_id, id);

CREATE TABLE revocations (
  id TEXT COLLATE "C" NOT NULL PRIMARY KEY,
  contract_id TEXT COLLATE "C" NOT NULL REFERENCES contracts (id),
  agency_id TEXT COLLATE "C" NOT NULL REFERENCES organizations (id),
  engagement_id TEXT COLLATE "C" NOT NULL REFERENCES engagements (id),
  effective_on DATE NOT NULL,
  reason TEXT COLLATE "C" NOT NULL,
  revoked_by TEXT COLLATE "C" NOT NULL REFERENCES users (id),
  seq BIGINT NOT NULL,
  recorded_at TIMESTAMP NOT NULL
);
CREATE INDEX revocations_contract ON revocations (contract_id);

-- What was declared and what was seen: kept apart, never merged in the tables --------------------------------------

CREATE TABLE declarations (
  id TEXT COLLATE "C" NOT NULL PRIMARY KEY,
  contract_id TEXT COLLATE "C" NOT NULL REFERENCES contracts (id),
  agency_id TEXT COLLATE "C" NOT NULL REFERENCES organizations (id),
  organization_id TEXT COLLATE "C" NOT NULL REFERENCES organizations (id),
  period_from DATE NOT NULL,
  period_to DATE NOT NULL,
  filed_on DATE NOT NULL,
  no_subcontracting BOOLEAN NOT NULL,
  declared_by TEXT COLLATE "C" NOT NULL REFERENCES users (id),
  receipt TEXT COLLATE "C" NOT NULL,
  seq BIGINT NOT NULL,
  recorded_at TIMESTAMP NOT NULL
);
CREATE INDEX declarations_contract ON declarations (contract_id, id);
CREATE INDEX declarations_agency ON declarations (agency_id, id);
CREATE INDEX declarations_organization ON declarations (organization_id, id);

CREATE TABLE observations (
  id TEXT COLLATE "C" NOT NULL PRIMARY KEY,
  contract_id TEXT COLLATE "C" NOT NULL REFERENCES contracts (id),
  agency_id TEXT COLLATE "C" NOT NULL REFERENCES organizations (id),
  engagement_id TEXT COLLATE "C" NOT NULL REFERENCES engagements (id),
  source TEXT COLLATE "C" NOT NULL,
  note TEXT COLLATE "C",
  observed_by TEXT COLLATE "C" NOT NULL REFERENCES users (id),
  seq BIGINT NOT NULL,
  recorded_at TIMESTAMP NOT NULL
);
CREATE INDEX observations_contract ON observations (contract_id, id);

CREATE TABLE statements (
  id TEXT COLLATE "C" NOT NULL PRIMARY KEY,
  contract_id TEXT COLLATE "C" NOT NULL REFERENCES contracts (id),
  agency_id TEXT COLLATE "C" NOT NULL REFERENCES organizations (id),
  engagement_id TEXT COLLATE "C" NOT NULL REFERENCES engagements (id),
  source TEXT COLLATE "C" NOT NULL,
  source_organization_id TEXT COLLATE "C" REFERENCES organizations (id),
  declaration_id TEXT COLLATE "C" REFERENCES declarations (id),
  observation_id TEXT COLLATE "C" REFERENCES observations (id),
  started_on DATE NOT NULL,
  ended_on DATE,
  scope TEXT COLLATE "C",
  country TEXT COLLATE "C",
  amount_yen BIGINT,
  data TEXT COLLATE "C" NOT NULL,
  seq BIGINT NOT NULL,
  recorded_at TIMESTAMP NOT NULL
);
CREATE INDEX statements_contract ON statements (contract_id);

CREATE TABLE retractions (
  id TEXT COLLATE "C" NOT NULL PRIMARY KEY,
  contract_id TEXT COLLATE "C" NOT NULL REFERENCES contracts (id),
  agency_id TEXT COLLATE "C" NOT NULL REFERENCES organizations (id),
  declaration_id TEXT COLLATE "C" REFERENCES declarations (id),
  observation_id TEXT COLLATE "C" REFERENCES observations (id),
  reason TEXT COLLATE "C" NOT NULL,
  retracted_by TEXT COLLATE "C" NOT NULL REFERENCES users (id),
  seq BIGINT NOT NULL,
  recorded_at TIMESTAMP NOT NULL
);
CREATE INDEX retractions_contract ON retractions (contract_id);

-- Audits ------------------------------------------------------------------------------------------------------

CREATE TABLE audits (
  id TEXT COLLATE "C" NOT NULL PRIMARY KEY,
  contract_id TEXT COLLATE "C" NOT NULL REFERENCES contracts (id),
  agency_id TEXT COLLATE "C" NOT NULL REFERENCES organizations (id),
  engagement_id TEXT COLLATE "C" REFERENCES engagements (id),
  series_id TEXT COLLATE "C" NOT NULL,
  place INTEGER NOT NULL,
  kind TEXT COLLATE "C" NOT NULL,
  first_due_on DATE NOT NULL,
  due_on DATE NOT NULL,
  every_months INTEGER,
  -- 予告なし: told to no vendor before it is done
  unannounced BOOLEAN NOT NULL,
  auditor TEXT COLLATE "C",
  -- of the auditor's name in the ledger
  salt TEXT COLLATE "C",
  planned_by TEXT COLLATE "C" REFERENCES users (id),
  seq BIGINT NOT NULL,
  recorded_at TIMESTAMP NOT NULL,
  UNIQUE (series_id, place)
);
CREATE INDEX audits_contract ON audits (contract_id, id);
CREATE INDEX audits_agency_due ON audits (agency_id, due_on, id);
CREATE INDEX audits_due ON audits (due_on, id);
CREATE INDEX audits_engagement ON audits (engagement_id, due_on, id) WHERE engagement_id IS NOT NULL;

CREATE TABLE audit_completions (
  id TEXT COLLATE "C" NOT NULL PRIMARY KEY,
  audit_id TEXT COLLATE "C" NOT NULL UNIQUE REFERENCES audits (id),
  contract_id TEXT COLLATE "C" NOT NULL REFERENCES contracts (id),
  agency_id TEXT COLLATE "C" NOT NULL REFERENCES organizations (id),
  done_on DATE NOT NULL,
  result TEXT COLLATE "C" NOT NULL,
  note TEXT COLLATE "C",
  -- 訂正: its day and reason; what stood before is in the entry.
  corrected_on DATE,
  correction TEXT COLLATE "C",
  completed_by TEXT COLLATE "C" NOT NULL REFERENCES users (id),
  seq BIGINT NOT NULL,
  recorded_at TIMESTAMP NOT NULL
);
CREATE INDEX audit_completions_contract ON audit_completions (contract_id);

CREATE TABLE audit_cancellations (
  id TEXT COLLATE "C" NOT NULL PRIMARY KEY,
  audit_id TEXT COLLATE "C" NOT NULL UNIQUE REFERENCES audits (id),
  contract_id TEXT COLLATE "C" NOT NULL REFERENCES contracts (id),
  agency_id TEXT COLLATE "C" NOT NULL REFERENCES organizations (id),
  cancelled_on DATE NOT NULL,
  reason TEXT COLLATE "C" NOT NULL,
  cancelled_by TEXT COLLATE "C" NOT NULL REFERENCES users (id),
  seq BIGINT NOT NULL,
  recorded_at TIMESTAMP NOT NULL
);
CREATE INDEX audit_cancellations_contract ON audit_cancellations (contract_id);

CREATE TABLE findings (
  id TEXT COLLATE "C" NOT NULL PRIMARY KEY,
  audit_id TEXT COLLATE "C" NOT NULL REFERENCES audits (id),
  contract_id TEXT COLLATE "C" NOT NULL REFERENCES contracts (id),
  agency_id TEXT COLLATE "C" NOT NULL REFERENCES organizations (id),
  place INTEGER NOT NULL,
  text TEXT COLLATE "C" NOT NULL,
  severity TEXT COLLATE "C" NOT NULL,
  due_on DATE NOT NULL,
  -- By a correction of the audit's result.
  withdrawn_on DATE,
  -- 是正確認: the day on which it was seen to be put right, and what was seen
  confirmed_on DATE,
  confirmation TEXT COLLATE "C",
  confirmed_by TEXT COLLATE "C" REFERENCES users (id),
  seq BIGINT NOT NULL,
  recorded_at TIMESTAMP NOT NULL
);
CREATE INDEX findings_audit ON findings (audit_id, place);
CREATE INDEX findings_contract ON findings (contract_id);
-- Those that nobody has recorded as put right.
CREATE INDEX findings_open ON findings (agency_id, due_on, id) WHERE confirmed_on IS NULL AND withdrawn_on IS NULL;

-- Alerts, notices, what is due ----------------------------------------------------------------------------------

CREATE TABLE alerts (
  id TEXT COLLATE "C" NOT NULL PRIMARY KEY,
  agency_id TEXT COLLATE "C" NOT NULL REFERENCES organizations (id),
  contract_id TEXT COLLATE "C" REFERENCES contracts (id),
  engagement_id TEXT COLLATE "C" REFERENCES engagements (id),
  -- whom it is about, where that organization may see it
  vendor_id TEXT COLLATE "C" REFERENCES organizations (id),
  kind TEXT COLLATE "C" NOT NULL,
  subject TEXT COLLATE "C" NOT NULL,
  severity TEXT COLLATE "C" NOT NULL,
  state TEXT COLLATE "C" NOT NULL,
  cause TEXT COLLATE "C",
  assessment TEXT COLLATE "C",
  assessment_reason TEXT COLLATE "C",
  message TEXT COLLATE "C" NOT NULL,
  -- of the message in the ledger
  salt TEXT COLLATE "C",
  rule_version INTEGER NOT NULL,
  due_on DATE,
  days TEXT COLLATE "C" NOT NULL,
  last_step TEXT COLLATE "C",
  opened_on DATE NOT NULL,
  opened_at TIMESTAMP NOT NULL,
  acknowledged_by TEXT COLLATE "C" REFERENCES users (id),
  measure TEXT COLLATE "C",
  measured_by TEXT COLLATE "C" REFERENCES users (id),
  accepted_until DATE,
  resolved_on DATE,
  resolved_at TIMESTAMP,
  resolution TEXT COLLATE "C",
  version BIGINT NOT NULL
);
CREATE UNIQUE INDEX alerts_one_unresolved ON alerts (agency_id, kind, subject) WHERE state <> 'resolved';
CREATE INDEX alerts_unresolved ON alerts (agency_id, kind, severity, due_on, state) WHERE state <> 'resolved';
CREATE INDEX alerts_by_due ON alerts (agency_id, due_on, id) WHERE state <> 'resolved';
CREATE INDEX alerts_gravest ON alerts (agency_id, severity, id) WHERE state <> 'resolved';
CREATE INDEX alerts_agency ON alerts (agency_id, id);
CREATE INDEX alerts_agency_state ON alerts (agency_id, state, kind, id);
CREATE INDEX alerts_contract ON alerts (contract_id, id);
CREATE INDEX alerts_vendor ON alerts (vendor_id, id);

-- 閲覧記録: who opened which contract. Written in batches; a day that is closed in the agency's chain gets no more rows.
CREATE TABLE access_log (
  id TEXT COLLATE "C" NOT NULL PRIMARY KEY,
  agency_id TEXT COLLATE "C" NOT NULL REFERENCES organizations (id),
  contract_id TEXT COLLATE "C" NOT NULL REFERENCES contracts (id),
  -- the reader, and the organization the reader acts for
  user_id TEXT COLLATE "C" NOT NULL REFERENCES users (id),
  organization_id TEXT COLLATE "C" NOT NULL REFERENCES organizations (id),
  -- the pattern of the address that was asked for
  what TEXT COLLATE "C" NOT NULL,
  at TIMESTAMP NOT NULL,
  -- the business day on which the row was written
  day DATE NOT NULL
);
CREATE INDEX access_log_agency ON access_log (agency_id, at, id);
CREATE INDEX access_log_day ON access_log (agency_id, day, id);
CREATE INDEX access_log_contract ON access_log (contract_id, at, id);
CREATE INDEX access_log_user ON access_log (agency_id, user_id, at, id);

CREATE TABLE notices (
  id TEXT COLLATE "C" NOT NULL PRIMARY KEY,
  organization_id TEXT COLLATE "C" NOT NULL REFERENCES organizations (id),
  contract_id TEXT COLLATE "C" REFERENCES contracts (id),
  kind TEXT COLLATE "C" NOT NULL,
  subject TEXT COLLATE "C" NOT NULL,
  step TEXT COLLATE "C" NOT NULL,
  -- a user's id; the address of a department, or a vendor's contact; `vendor:` and its id: nobody
  recipient TEXT COLLATE "C" NOT NULL,
  address TEXT COLLATE "C" NOT NULL,
  context TEXT COLLATE "C" NOT NULL,
  -- queued → sent | failed; digest → digested (its words went out in that day's digest);
  -- held → digested (they went out in one mail with others); unaddressed: nobody could be told
  state TEXT COLLATE "C" NOT NULL,
  attempts INTEGER NOT NULL,
  next_attempt_at TIMESTAMP,
  claimed_until TIMESTAMP,
  created_at TIMESTAMP NOT NULL,
  created_on DATE NOT NULL,
  sent_at TIMESTAMP,
  last_error TEXT COLLATE "C",
  UNIQUE (kind, subject, step, recipient)
);
CREATE INDEX notices_due ON notices (state, next_attempt_at);
CREATE INDEX notices_recipient ON notices (recipient, state, created_at);
CREATE INDEX notices_organization ON notices (organization_id, id);
CREATE INDEX notices_failed ON notices (organization_id) WHERE state = 'failed';
CREATE INDEX notices_unaddressed ON notices (organization_id) WHERE state = 'unaddressed';

CREATE TABLE due (
  subject_kind TEXT COLLATE "C" NOT NULL,
  subject_id TEXT COLLATE "C" NOT NULL,
  agency_id TEXT COLLATE "C" NOT NULL REFERENCES organizations (id),
  check_on DATE NOT NULL,
  PRIMARY KEY (subject_kind, subject_id)
);
CREATE INDEX due_check_on ON due (check_on);
CREATE INDEX due_agency ON due (agency_id);

-- What somebody has to do by a day, as the facts have it: made anew with each act on the contract. Of reports, those due
-- within some four hundred days.
CREATE TABLE deadlines (
  id TEXT COLLATE "C" NOT NULL PRIMARY KEY,
  contract_id TEXT COLLATE "C" NOT NULL REFERENCES contracts (id),
  agency_id TEXT COLLATE "C" NOT NULL REFERENCES organizations (id),
  kind TEXT COLLATE "C" NOT NULL CHECK (kind IN ('review', 'decision', 'correction', 'report', 'unapproved')),
  -- of an application
  application_id TEXT COLLATE "C" REFERENCES applications (id),
  -- who applied, who reports, or who uses without a consent
  vendor_id TEXT COLLATE "C" NOT NULL REFERENCES organizations (id),
  -- whom it uses
  engagement_id TEXT COLLATE "C" REFERENCES engagements (id),
  -- of a report: the first day of which nobody has reported, and the last of its period
  period_from DATE,
  period_to DATE,
  -- and when the ledger knew that it is owed
  known_on DATE,
  due_on DATE NOT NULL
);
CREATE INDEX deadlines_contract ON deadlines (contract_id);
CREATE INDEX deadlines_application ON deadlines (application_id);
CREATE INDEX deadlines_engagement ON deadlines (engagement_id);
CREATE INDEX deadlines_agency ON deadlines (agency_id, kind, due_on, id);
CREATE INDEX deadlines_vendor ON deadlines (vendor_id, kind, due_on, id);

-- The ledger: nothing here is updated or deleted but a chain's length and head --------------------------------------

CREATE TABLE ledger_chains (
  -- deferred: an organization's chain is taken before its row is written
  id TEXT COLLATE "C" NOT NULL PRIMARY KEY,
  organization_id TEXT COLLATE "C" NOT NULL REFERENCES organizations (id) DEFERRABLE INITIALLY DEFERRED,
  seq BIGINT NOT NULL,
  head TEXT COLLATE "C" NOT NULL,
  last_at TIMESTAMP NOT NULL
);

CREATE TABLE ledger_entries (
  id TEXT COLLATE "C" NOT NULL PRIMARY KEY,
  chain_id TEXT COLLATE "C" NOT NULL REFERENCES ledger_chains (id),
  organization_id TEXT COLLATE "C" NOT NULL REFERENCES organizations (id),
  seq BIGINT NOT NULL,
  at TIMESTAMP NOT NULL,
  actor_id TEXT COLLATE "C",
  actor_organization_id TEXT COLLATE "C",
  action TEXT COLLATE "C" NOT NULL,
  subject_id TEXT COLLATE "C" NOT NULL,
  payload TEXT COLLATE "C" NOT NULL,
  prev_hash TEXT COLLATE "C" NOT NULL,
  hash TEXT COLLATE "C" NOT NULL,
  UNIQUE (chain_id, seq)
);

-- Which entries name which id; recomputed by `itaku verify`.
CREATE TABLE ledger_names (
  subject_id TEXT COLLATE "C" NOT NULL,
  entry_id TEXT COLLATE "C" NOT NULL REFERENCES ledger_entries (id),
  organization_id TEXT COLLATE "C" NOT NULL REFERENCES organizations (id),
  PRIMARY KEY (subject_id, entry_id)
);
CREATE INDEX ledger_names_entry ON ledger_names (entry_id);
