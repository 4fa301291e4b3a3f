-- People who use the software: groups of end users, and the licenses they sign in for.

CREATE TABLE user_groups (
    id UUID NOT NULL PRIMARY KEY,
    tenant_id UUID NOT NULL,
    account_id UUID NOT NULL REFERENCES accounts (id),
    kind TEXT NOT NULL,
    master_id UUID,
    name TEXT COLLATE "C" NOT NULL,
    description TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    modified_at BIGINT NOT NULL,
    version BIGINT NOT NULL
);
CREATE UNIQUE INDEX user_groups_name ON user_groups (name, tenant_id);
CREATE INDEX user_groups_account ON user_groups (account_id, id);
CREATE INDEX user_groups_master ON user_groups (master_id, id) WHERE master_id IS NOT NULL;

CREATE TABLE end_users (
    id UUID NOT NULL PRIMARY KEY,
    tenant_id UUID NOT NULL,
    group_id UUID NOT NULL REFERENCES user_groups (id),
    user_name TEXT COLLATE "C" NOT NULL,
    password_hash TEXT NOT NULL,
    failures BIGINT NOT NULL,
    blocked_until BIGINT,
    first_name TEXT NOT NULL,
    last_name TEXT NOT NULL,
    email TEXT NOT NULL,
    telephone TEXT NOT NULL,
    document TEXT NOT NULL,
    master BOOLEAN NOT NULL,
    created_at BIGINT NOT NULL,
    modified_at BIGINT NOT NULL,
    version BIGINT NOT NULL
);
CREATE UNIQUE INDEX end_users_name ON end_users (user_name, tenant_id);
CREATE INDEX end_users_group ON end_users (group_id, id);

-- A license belongs to one group at most.
CREATE TABLE group_licenses (
    license_id UUID NOT NULL PRIMARY KEY REFERENCES licenses (id),
    group_id UUID NOT NULL REFERENCES user_groups (id),
    product_id UUID NOT NULL,
    added_at BIGINT NOT NULL
);
CREATE INDEX group_licenses_group ON group_licenses (group_id, license_id);

-- By which a product's key vouches for a later one, as signed documents.
CREATE TABLE endorsements (
    key_id BYTEA NOT NULL,
    by_key_id BYTEA NOT NULL,
    product_id UUID NOT NULL REFERENCES products (id),
    document TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    PRIMARY KEY (key_id, by_key_id)
);
CREATE INDEX endorsements_product ON endorsements (product_id, created_at);

-- Texts that programs keep with their license, for features of kind 'store'.
CREATE TABLE stored_texts (
    license_id UUID NOT NULL,
    feature_id UUID NOT NULL REFERENCES features (id),
    text TEXT NOT NULL,
    version BIGINT NOT NULL,
    modified_at BIGINT NOT NULL,
    PRIMARY KEY (license_id, feature_id)
);
CREATE INDEX stored_texts_feature ON stored_texts (feature_id);

-- What programs tell of their use. Ids are made of the time a program gives, so that their order is that of time.
CREATE TABLE analytics_events (
    id UUID NOT NULL PRIMARY KEY,
    tenant_id UUID NOT NULL,
    account_id UUID NOT NULL,
    product_id UUID NOT NULL,
    license_id UUID,
    activation_id UUID NOT NULL,
    name TEXT COLLATE "C" NOT NULL,
    kind TEXT NOT NULL,
    feature TEXT,
    transaction_name TEXT,
    at BIGINT NOT NULL,
    data TEXT,
    received_at BIGINT NOT NULL
);
CREATE UNIQUE INDEX analytics_events_once ON analytics_events (activation_id, name);
CREATE INDEX analytics_events_license ON analytics_events (license_id, id);
