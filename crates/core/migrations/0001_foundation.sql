-- Instants are BIGINT microseconds since 1970 in UTC; NULL is "no end" or "not yet".
-- Hot tables lead with the tenant's id, so that the same schema shards by tenant.

CREATE TABLE meta (
    name TEXT NOT NULL PRIMARY KEY,
    value TEXT NOT NULL
);

CREATE TABLE accounts (
    id UUID NOT NULL PRIMARY KEY,
    tenant_id UUID NOT NULL,
    parent_id UUID,
    kind TEXT NOT NULL,
    name TEXT NOT NULL,
    path TEXT COLLATE "C" NOT NULL,
    contact TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    modified_at BIGINT NOT NULL,
    closed_at BIGINT,
    version BIGINT NOT NULL
);
CREATE UNIQUE INDEX accounts_path ON accounts (path);
CREATE INDEX accounts_parent ON accounts (parent_id, id);
CREATE INDEX accounts_tenant ON accounts (tenant_id, id);

CREATE TABLE aliases (
    tenant_id UUID NOT NULL,
    dialect TEXT NOT NULL,
    kind TEXT NOT NULL,
    alias TEXT COLLATE "C" NOT NULL,
    record_id UUID NOT NULL,
    PRIMARY KEY (tenant_id, dialect, kind, alias)
);
CREATE INDEX aliases_record ON aliases (record_id, dialect, kind);
CREATE INDEX aliases_alias ON aliases (dialect, kind, alias);

CREATE TABLE numbers (
    tenant_id UUID NOT NULL,
    name TEXT NOT NULL,
    last BIGINT NOT NULL,
    PRIMARY KEY (tenant_id, name)
);

CREATE TABLE attributes (
    record_id UUID NOT NULL,
    namespace TEXT NOT NULL,
    document TEXT NOT NULL,
    PRIMARY KEY (record_id, namespace)
);

CREATE TABLE users (
    id UUID NOT NULL PRIMARY KEY,
    tenant_id UUID NOT NULL,
    account_id UUID NOT NULL REFERENCES accounts (id),
    name TEXT NOT NULL,
    login TEXT COLLATE "C" NOT NULL,
    password_hash TEXT,
    failures BIGINT NOT NULL,
    blocked_until BIGINT,
    created_at BIGINT NOT NULL,
    modified_at BIGINT NOT NULL,
    closed_at BIGINT
);
CREATE UNIQUE INDEX users_login ON users (login);
CREATE INDEX users_account ON users (account_id, id);

CREATE TABLE permissions (
    user_id UUID NOT NULL REFERENCES users (id),
    account_id UUID NOT NULL REFERENCES accounts (id),
    level TEXT NOT NULL,
    PRIMARY KEY (user_id, account_id)
);

CREATE TABLE sessions (
    hash BYTEA NOT NULL PRIMARY KEY,
    user_id UUID NOT NULL REFERENCES users (id),
    purpose TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL,
    ended_at BIGINT
);
CREATE INDEX sessions_user ON sessions (user_id);

CREATE TABLE api_keys (
    id UUID NOT NULL PRIMARY KEY,
    tenant_id UUID NOT NULL,
    account_id UUID NOT NULL REFERENCES accounts (id),
    hash BYTEA NOT NULL,
    prefix TEXT NOT NULL,
    label TEXT NOT NULL,
    scopes TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    expires_at BIGINT,
    revoked_at BIGINT
);
CREATE UNIQUE INDEX api_keys_hash ON api_keys (hash);
CREATE INDEX api_keys_account ON api_keys (account_id, id);

CREATE TABLE holds (
    id UUID NOT NULL PRIMARY KEY,
    tenant_id UUID NOT NULL,
    account_id UUID,
    license_id UUID,
    reach TEXT NOT NULL,
    cause TEXT NOT NULL,
    note TEXT NOT NULL,
    placed_at BIGINT NOT NULL,
    placed_by TEXT NOT NULL,
    lifted_at BIGINT,
    lifted_by TEXT,
    CHECK ((account_id IS NULL) <> (license_id IS NULL))
);
CREATE INDEX holds_account ON holds (account_id, lifted_at);
CREATE INDEX holds_license ON holds (license_id, lifted_at);

CREATE TABLE products (
    id UUID NOT NULL PRIMARY KEY,
    tenant_id UUID NOT NULL,
    name TEXT NOT NULL,
    active BOOLEAN NOT NULL,
    trial_offered BOOLEAN NOT NULL,
    trial_days BIGINT NOT NULL,
    online_lease_hours BIGINT NOT NULL,
    virtual_lease_hours BIGINT NOT NULL,
    offline_lease_hours BIGINT NOT NULL,
    term_kind TEXT NOT NULL,
    term_days BIGINT NOT NULL,
    term_end BIGINT,
    maintenance_end BIGINT,
    activation_limit BIGINT NOT NULL,
    process_limit BIGINT NOT NULL,
    concurrency TEXT NOT NULL,
    network_seats BIGINT NOT NULL,
    heartbeat_minutes BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    modified_at BIGINT NOT NULL,
    version BIGINT NOT NULL
);
CREATE UNIQUE INDEX products_name ON products (tenant_id, name);

CREATE TABLE signing_keys (
    id BYTEA NOT NULL PRIMARY KEY,
    product_id UUID NOT NULL REFERENCES products (id),
    seed BYTEA NOT NULL,
    public_key BYTEA NOT NULL,
    state TEXT NOT NULL,
    created_at BIGINT NOT NULL
);
CREATE INDEX signing_keys_product ON signing_keys (product_id, created_at);

CREATE TABLE feature_groups (
    id UUID NOT NULL PRIMARY KEY,
    product_id UUID NOT NULL REFERENCES products (id),
    name TEXT NOT NULL,
    notes TEXT NOT NULL
);
CREATE UNIQUE INDEX feature_groups_name ON feature_groups (product_id, name);

CREATE TABLE features (
    id UUID NOT NULL PRIMARY KEY,
    product_id UUID NOT NULL REFERENCES products (id),
    code TEXT NOT NULL,
    name TEXT NOT NULL,
    notes TEXT NOT NULL,
    kind TEXT NOT NULL,
    group_id UUID,
    in_trials BOOLEAN NOT NULL,
    enabled BOOLEAN NOT NULL,
    unit_limit BIGINT NOT NULL
);
CREATE UNIQUE INDEX features_code ON features (product_id, code);

CREATE TABLE named_values (
    id UUID NOT NULL PRIMARY KEY,
    product_id UUID NOT NULL REFERENCES products (id),
    name TEXT NOT NULL,
    value TEXT NOT NULL
);
CREATE UNIQUE INDEX named_values_name ON named_values (product_id, name);

CREATE TABLE server_functions (
    id UUID NOT NULL PRIMARY KEY,
    tenant_id UUID NOT NULL REFERENCES accounts (id),
    name TEXT NOT NULL,
    enabled BOOLEAN NOT NULL,
    takes_parameter BOOLEAN NOT NULL
);
CREATE UNIQUE INDEX server_functions_name ON server_functions (tenant_id, name);

CREATE TABLE price_categories (
    id UUID NOT NULL PRIMARY KEY,
    tenant_id UUID NOT NULL REFERENCES accounts (id),
    name TEXT NOT NULL
);
CREATE UNIQUE INDEX price_categories_name ON price_categories (tenant_id, name);

CREATE TABLE product_price_categories (
    product_id UUID NOT NULL REFERENCES products (id),
    category_id UUID NOT NULL REFERENCES price_categories (id),
    PRIMARY KEY (product_id, category_id)
);

CREATE TABLE profiles (
    id UUID NOT NULL PRIMARY KEY,
    tenant_id UUID NOT NULL,
    product_id UUID NOT NULL REFERENCES products (id),
    name TEXT NOT NULL,
    reseller_id UUID,
    enabled BOOLEAN NOT NULL,
    acquired BOOLEAN NOT NULL,
    online_lease_hours BIGINT NOT NULL,
    virtual_lease_hours BIGINT NOT NULL,
    offline_lease_hours BIGINT NOT NULL,
    term_kind TEXT NOT NULL,
    term_days BIGINT NOT NULL,
    term_end BIGINT,
    maintenance_end BIGINT,
    activation_limit BIGINT NOT NULL,
    process_limit BIGINT NOT NULL,
    concurrency TEXT NOT NULL,
    network_seats BIGINT NOT NULL,
    heartbeat_minutes BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    modified_at BIGINT NOT NULL,
    version BIGINT NOT NULL
);
CREATE UNIQUE INDEX profiles_name ON profiles (product_id, name);
CREATE INDEX profiles_tenant ON profiles (tenant_id, id);

CREATE TABLE licenses (
    id UUID NOT NULL PRIMARY KEY,
    tenant_id UUID NOT NULL,
    account_id UUID NOT NULL REFERENCES accounts (id),
    product_id UUID NOT NULL REFERENCES products (id),
    profile_id UUID,
    code TEXT COLLATE "C" NOT NULL,
    role TEXT NOT NULL,
    reference TEXT NOT NULL,
    order_reference TEXT NOT NULL,
    acquired BOOLEAN NOT NULL,
    online_lease_hours BIGINT NOT NULL,
    virtual_lease_hours BIGINT NOT NULL,
    offline_lease_hours BIGINT NOT NULL,
    term_kind TEXT NOT NULL,
    term_days BIGINT NOT NULL,
    term_end BIGINT,
    maintenance_end BIGINT,
    activation_limit BIGINT NOT NULL,
    process_limit BIGINT NOT NULL,
    concurrency TEXT NOT NULL,
    network_seats BIGINT NOT NULL,
    heartbeat_minutes BIGINT NOT NULL,
    hold_count BIGINT NOT NULL CHECK (hold_count >= 0),
    active_count BIGINT NOT NULL CHECK (active_count >= 0),
    returned_count BIGINT NOT NULL CHECK (returned_count >= 0),
    last_activated_at BIGINT,
    created_at BIGINT NOT NULL,
    modified_at BIGINT NOT NULL,
    version BIGINT NOT NULL
);
CREATE UNIQUE INDEX licenses_code ON licenses (product_id, code);
CREATE INDEX licenses_tenant_code ON licenses (tenant_id, code);
CREATE INDEX licenses_tenant ON licenses (tenant_id, id);
CREATE INDEX licenses_account ON licenses (account_id, id);
CREATE INDEX licenses_profile ON licenses (profile_id, id);
CREATE INDEX licenses_free ON licenses (product_id, profile_id, id)
    WHERE acquired = FALSE AND active_count = 0 AND returned_count = 0 AND role = 'standard';

CREATE TABLE grants (
    owner_id UUID NOT NULL,
    feature_id UUID NOT NULL REFERENCES features (id),
    enabled BOOLEAN NOT NULL,
    unit_limit BIGINT NOT NULL CHECK (unit_limit >= 0),
    used BIGINT NOT NULL CHECK (used >= 0),
    PRIMARY KEY (owner_id, feature_id)
);
CREATE INDEX grants_feature ON grants (feature_id);

CREATE TABLE value_settings (
    owner_id UUID NOT NULL,
    named_value_id UUID NOT NULL REFERENCES named_values (id),
    value TEXT NOT NULL,
    PRIMARY KEY (owner_id, named_value_id)
);
CREATE INDEX value_settings_value ON value_settings (named_value_id);

CREATE TABLE function_settings (
    owner_id UUID NOT NULL,
    function_id UUID NOT NULL REFERENCES server_functions (id),
    enabled BOOLEAN NOT NULL,
    parameter BIGINT,
    PRIMARY KEY (owner_id, function_id)
);

CREATE TABLE notes (
    id UUID NOT NULL PRIMARY KEY,
    license_id UUID NOT NULL REFERENCES licenses (id),
    number BIGINT NOT NULL,
    kind TEXT NOT NULL,
    text TEXT NOT NULL,
    author TEXT NOT NULL,
    created_at BIGINT NOT NULL
);
CREATE UNIQUE INDEX notes_number ON notes (license_id, number);

CREATE TABLE segments (
    id UUID NOT NULL PRIMARY KEY,
    tenant_id UUID NOT NULL,
    license_id UUID NOT NULL,
    account_id UUID NOT NULL,
    product_id UUID NOT NULL,
    term_kind TEXT NOT NULL,
    quantity BIGINT NOT NULL,
    held BOOLEAN NOT NULL,
    from_at BIGINT NOT NULL,
    to_at BIGINT
);
CREATE INDEX segments_license ON segments (license_id, from_at);
CREATE UNIQUE INDEX segments_open ON segments (license_id) WHERE to_at IS NULL;
CREATE INDEX segments_account ON segments (account_id, from_at);

CREATE TABLE devices (
    id UUID NOT NULL PRIMARY KEY,
    tenant_id UUID NOT NULL,
    product_id UUID NOT NULL REFERENCES products (id),
    fingerprint TEXT COLLATE "C" NOT NULL,
    public_key BYTEA,
    system TEXT,
    reported_at BIGINT,
    created_at BIGINT NOT NULL
);
CREATE UNIQUE INDEX devices_fingerprint ON devices (product_id, fingerprint);
CREATE INDEX devices_tenant ON devices (tenant_id, fingerprint);

CREATE TABLE trials (
    id UUID NOT NULL PRIMARY KEY,
    tenant_id UUID NOT NULL,
    product_id UUID NOT NULL REFERENCES products (id),
    device_id UUID NOT NULL REFERENCES devices (id),
    days BIGINT NOT NULL,
    started_at BIGINT NOT NULL,
    modified_at BIGINT NOT NULL,
    lease_end BIGINT,
    ends_at BIGINT NOT NULL,
    converted_at BIGINT,
    license_id UUID,
    license_code TEXT,
    told BOOLEAN NOT NULL
);
CREATE UNIQUE INDEX trials_device ON trials (device_id);
CREATE INDEX trials_tenant ON trials (tenant_id, id);
CREATE INDEX trials_product ON trials (product_id, id);
CREATE INDEX trials_due ON trials (ends_at) WHERE told = FALSE;

CREATE TABLE activations (
    id UUID NOT NULL PRIMARY KEY,
    tenant_id UUID NOT NULL,
    product_id UUID NOT NULL REFERENCES products (id),
    license_id UUID,
    trial_id UUID,
    device_id UUID NOT NULL REFERENCES devices (id),
    fingerprint TEXT COLLATE "C" NOT NULL,
    user_name TEXT NOT NULL,
    kind TEXT NOT NULL,
    state TEXT NOT NULL,
    virtual_platform TEXT,
    activated_at BIGINT NOT NULL,
    returned_at BIGINT,
    return_cause TEXT,
    lease_number BIGINT NOT NULL,
    leased_at BIGINT NOT NULL,
    lease_end BIGINT,
    secret_generation BIGINT NOT NULL,
    request_id TEXT,
    answer TEXT,
    told BOOLEAN NOT NULL,
    CHECK ((license_id IS NULL) <> (trial_id IS NULL))
);
CREATE UNIQUE INDEX activations_live ON activations (license_id, fingerprint, user_name)
    WHERE state = 'active' AND license_id IS NOT NULL;
CREATE UNIQUE INDEX activations_request ON activations (product_id, request_id) WHERE request_id IS NOT NULL;
CREATE INDEX activations_license ON activations (license_id, id);
CREATE INDEX activations_lease ON activations (license_id, state, lease_end);
CREATE INDEX activations_device ON activations (device_id, state);
CREATE INDEX activations_trial ON activations (trial_id) WHERE trial_id IS NOT NULL;
CREATE INDEX activations_due ON activations (lease_end) WHERE state = 'active' AND told = FALSE;

CREATE TABLE checkouts (
    license_id UUID NOT NULL,
    feature_id UUID NOT NULL REFERENCES features (id),
    fingerprint TEXT COLLATE "C" NOT NULL,
    user_name TEXT NOT NULL,
    activation_id UUID,
    held BIGINT NOT NULL CHECK (held >= 0),
    consumed BIGINT NOT NULL CHECK (consumed >= 0),
    PRIMARY KEY (license_id, feature_id, fingerprint, user_name)
);
CREATE INDEX checkouts_activation ON checkouts (activation_id);

CREATE TABLE consumer_records (
    id UUID NOT NULL PRIMARY KEY,
    tenant_id UUID NOT NULL,
    product_id UUID NOT NULL REFERENCES products (id),
    fingerprint TEXT COLLATE "C" NOT NULL,
    license_code TEXT NOT NULL,
    first_name TEXT NOT NULL,
    last_name TEXT NOT NULL,
    company TEXT NOT NULL,
    email TEXT NOT NULL,
    document TEXT NOT NULL,
    created_at BIGINT NOT NULL
);
CREATE INDEX consumer_records_product ON consumer_records (product_id, id);

CREATE TABLE events (
    id UUID NOT NULL PRIMARY KEY,
    tenant_id UUID NOT NULL,
    account_id UUID NOT NULL,
    at BIGINT NOT NULL,
    kind TEXT NOT NULL,
    subject_kind TEXT NOT NULL,
    subject_id UUID NOT NULL,
    actor TEXT NOT NULL,
    request_id UUID NOT NULL,
    data TEXT NOT NULL,
    block BIGINT
);
CREATE INDEX events_tenant ON events (tenant_id, id);
CREATE INDEX events_subject ON events (subject_id, id);
CREATE INDEX events_unsealed ON events (id) WHERE block IS NULL;
CREATE INDEX events_block ON events (block, id);

CREATE TABLE journal_blocks (
    number BIGINT NOT NULL PRIMARY KEY,
    events BIGINT NOT NULL,
    hash BYTEA NOT NULL,
    sealed_at BIGINT NOT NULL
);

CREATE TABLE idempotency_records (
    caller TEXT NOT NULL,
    route TEXT NOT NULL,
    key TEXT NOT NULL,
    fingerprint BYTEA NOT NULL,
    status BIGINT NOT NULL,
    body TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    PRIMARY KEY (caller, route, key)
);
CREATE INDEX idempotency_records_created ON idempotency_records (created_at);
