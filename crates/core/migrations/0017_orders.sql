-- How often a trial was extended.
ALTER TABLE licenses ADD COLUMN trial_extensions BIGINT NOT NULL DEFAULT 0;

-- Which products the license of a product may be exchanged for, and which products are sold together as one.
CREATE TABLE product_exchanges (
    from_id UUID NOT NULL REFERENCES products (id),
    to_id UUID NOT NULL REFERENCES products (id),
    direction TEXT NOT NULL,
    PRIMARY KEY (from_id, to_id)
);

CREATE TABLE bundle_products (
    bundle_id UUID NOT NULL REFERENCES products (id),
    product_id UUID NOT NULL REFERENCES products (id),
    PRIMARY KEY (bundle_id, product_id)
);

-- What an account may order for those right below it, and how. Without a row: no trials, and nobody has to be asked.
CREATE TABLE offers (
    account_id UUID NOT NULL REFERENCES accounts (id),
    product_id UUID NOT NULL REFERENCES products (id),
    PRIMARY KEY (account_id, product_id)
);

CREATE TABLE order_rules (
    account_id UUID NOT NULL PRIMARY KEY REFERENCES accounts (id),
    trials_allowed BOOLEAN NOT NULL,
    by_request BOOLEAN NOT NULL
);

CREATE TABLE order_requests (
    id UUID NOT NULL PRIMARY KEY,
    tenant_id UUID NOT NULL,
    account_id UUID NOT NULL REFERENCES accounts (id),
    product_id UUID NOT NULL REFERENCES products (id),
    quantity BIGINT NOT NULL,
    trial_days BIGINT,
    note TEXT NOT NULL,
    state TEXT NOT NULL,
    filed_by TEXT NOT NULL,
    filed_at BIGINT NOT NULL,
    settled_by TEXT,
    settled_at BIGINT,
    answer TEXT NOT NULL,
    license_id UUID
);
CREATE INDEX order_requests_account ON order_requests (account_id, id);
CREATE UNIQUE INDEX order_requests_waiting ON order_requests (account_id, product_id) WHERE state = 'waiting';
