-- The parents that accounts had before they were moved: holds reach down the tree as it stood when they were in force.
CREATE TABLE account_moves (
    id UUID NOT NULL PRIMARY KEY,
    tenant_id UUID NOT NULL,
    account_id UUID NOT NULL REFERENCES accounts (id),
    parent_id UUID NOT NULL REFERENCES accounts (id),
    until_at BIGINT NOT NULL
);
CREATE INDEX account_moves_tenant ON account_moves (tenant_id, until_at);

-- Which products were in which price categories, and when: the price of a day is the one that applied.
CREATE TABLE category_spans (
    tenant_id UUID NOT NULL,
    product_id UUID NOT NULL REFERENCES products (id),
    category_id UUID NOT NULL REFERENCES price_categories (id),
    from_at BIGINT NOT NULL,
    to_at BIGINT,
    PRIMARY KEY (product_id, category_id, from_at)
);
CREATE INDEX category_spans_tenant ON category_spans (tenant_id);
INSERT INTO category_spans (tenant_id, product_id, category_id, from_at, to_at)
    SELECT c.tenant_id, p.product_id, p.category_id, 0, NULL
    FROM product_price_categories p JOIN price_categories c ON c.id = p.category_id;

-- Prices are integers of hundred-thousandths of the currency's unit, discounts of a percent's hundredths, days count from 1970.
CREATE TABLE price_lists (
    id UUID NOT NULL PRIMARY KEY,
    tenant_id UUID NOT NULL,
    account_id UUID NOT NULL REFERENCES accounts (id),
    product_id UUID REFERENCES products (id),
    category_id UUID REFERENCES price_categories (id),
    name TEXT NOT NULL,
    currency TEXT NOT NULL,
    discount BIGINT NOT NULL,
    from_day BIGINT NOT NULL,
    until_day BIGINT,
    created_at BIGINT NOT NULL,
    ended_at BIGINT,
    CHECK ((product_id IS NULL) <> (category_id IS NULL))
);
CREATE INDEX price_lists_account ON price_lists (account_id, id);
CREATE INDEX price_lists_tenant ON price_lists (tenant_id);

CREATE TABLE price_tiers (
    list_id UUID NOT NULL REFERENCES price_lists (id),
    from_seats BIGINT NOT NULL,
    price BIGINT NOT NULL,
    PRIMARY KEY (list_id, from_seats)
);

-- Months count from the beginning of year 0. What was known at as_of is what the month's statements are made of.
CREATE TABLE closings (
    tenant_id UUID NOT NULL,
    month BIGINT NOT NULL,
    as_of BIGINT NOT NULL,
    done_to UUID NOT NULL,
    finished_at BIGINT,
    PRIMARY KEY (tenant_id, month)
);
CREATE INDEX closings_open ON closings (tenant_id, month) WHERE finished_at IS NULL;

CREATE TABLE statements (
    id UUID NOT NULL PRIMARY KEY,
    tenant_id UUID NOT NULL,
    account_id UUID NOT NULL REFERENCES accounts (id),
    month BIGINT NOT NULL,
    number BIGINT NOT NULL,
    previous BYTEA NOT NULL,
    hash BYTEA NOT NULL,
    document TEXT NOT NULL,
    closed_at BIGINT NOT NULL
);
CREATE UNIQUE INDEX statements_account ON statements (account_id, month);
CREATE UNIQUE INDEX statements_number ON statements (account_id, number);
