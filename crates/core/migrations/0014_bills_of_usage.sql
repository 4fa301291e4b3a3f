-- Price lists may be for a meter or one of its keys, and may bill an account for its whole branch.
DROP INDEX price_lists_account;
DROP INDEX price_lists_tenant;
ALTER TABLE price_tiers RENAME TO former_price_tiers;
ALTER TABLE price_lists RENAME TO former_price_lists;
CREATE TABLE price_lists (
    id UUID NOT NULL PRIMARY KEY,
    tenant_id UUID NOT NULL,
    account_id UUID NOT NULL REFERENCES accounts (id),
    billed TEXT NOT NULL,
    product_id UUID REFERENCES products (id),
    category_id UUID REFERENCES price_categories (id),
    meter_id UUID REFERENCES meters (id),
    meter_key TEXT,
    name TEXT NOT NULL,
    currency TEXT NOT NULL,
    discount BIGINT NOT NULL,
    from_day BIGINT NOT NULL,
    until_day BIGINT,
    created_at BIGINT NOT NULL,
    ended_at BIGINT,
    CHECK (CASE WHEN product_id IS NULL THEN 0 ELSE 1 END + CASE WHEN category_id IS NULL THEN 0 ELSE 1 END
        + CASE WHEN meter_id IS NULL THEN 0 ELSE 1 END = 1),
    CHECK (meter_key IS NULL OR meter_id IS NOT NULL)
);
CREATE INDEX price_lists_account ON price_lists (account_id, id);
CREATE INDEX price_lists_tenant ON price_lists (tenant_id);
CREATE TABLE price_tiers (
    list_id UUID NOT NULL REFERENCES price_lists (id),
    from_seats BIGINT NOT NULL,
    price BIGINT NOT NULL,
    PRIMARY KEY (list_id, from_seats)
);
INSERT INTO price_lists (id, tenant_id, account_id, billed, product_id, category_id, meter_id, meter_key, name, currency,
    discount, from_day, until_day, created_at, ended_at)
    SELECT id, tenant_id, account_id, 'account', product_id, category_id, NULL, NULL, name, currency, discount, from_day,
    until_day, created_at, ended_at FROM former_price_lists;
INSERT INTO price_tiers (list_id, from_seats, price) SELECT list_id, from_seats, price FROM former_price_tiers;
DROP TABLE former_price_tiers;
DROP TABLE former_price_lists;

-- The month whose closing a record missed: the last one closed when it came, where its own was closed by then.
ALTER TABLE usage_records ADD COLUMN missed BIGINT;
CREATE INDEX usage_records_missed ON usage_records (tenant_id, missed, account_id, meter_id, day) WHERE missed IS NOT NULL;
