-- What is counted, what was told of it, and its figures by day and month. A day is kept as days since 1970-01-01 in the time
-- zone of its meter, a month as months since the beginning of year 0.

CREATE TABLE meters (
    id UUID NOT NULL PRIMARY KEY,
    tenant_id UUID NOT NULL,
    name TEXT COLLATE "C" NOT NULL,
    aggregation TEXT NOT NULL,
    level_rule TEXT NOT NULL,
    unit TEXT NOT NULL,
    time_zone TEXT NOT NULL,
    cutoff_minutes BIGINT NOT NULL,
    key_attribute TEXT,
    created_at BIGINT NOT NULL
);
CREATE UNIQUE INDEX meters_name ON meters (tenant_id, name);

-- Facts: never changed.
CREATE TABLE usage_records (
    id UUID NOT NULL PRIMARY KEY,
    tenant_id UUID NOT NULL,
    meter_id UUID NOT NULL,
    account_id UUID NOT NULL,
    license_id UUID,
    subject TEXT NOT NULL,
    at BIGINT NOT NULL,
    day BIGINT NOT NULL,
    value BIGINT NOT NULL,
    attributes TEXT,
    source TEXT NOT NULL,
    source_id TEXT NOT NULL,
    corrects TEXT,
    received_at BIGINT NOT NULL
);
CREATE INDEX usage_records_day ON usage_records (meter_id, day, account_id, id);

-- What was told already: a digest of source and id, behind the hour of the record's own time, so that new ones come together.
CREATE TABLE usage_told (
    tenant_id UUID NOT NULL,
    hour BIGINT NOT NULL,
    digest BYTEA NOT NULL,
    PRIMARY KEY (tenant_id, hour, digest)
);
-- When something was last told of an hour: how long its digests are needed.
CREATE TABLE usage_hours (
    tenant_id UUID NOT NULL,
    hour BIGINT NOT NULL,
    told_at BIGINT NOT NULL,
    PRIMARY KEY (tenant_id, hour)
);
CREATE INDEX usage_hours_told ON usage_hours (told_at);

-- What figures of a meter are told apart by.
CREATE TABLE usage_keys (
    meter_id UUID NOT NULL,
    name TEXT COLLATE "C" NOT NULL,
    PRIMARY KEY (meter_id, name)
);

-- Of each account alone. A license that none was named for is all zeros. Of levels a row is by how much they rose.
CREATE TABLE usage_days (
    meter_id UUID NOT NULL,
    name TEXT COLLATE "C" NOT NULL,
    day BIGINT NOT NULL,
    account_id UUID NOT NULL,
    license_id UUID NOT NULL,
    value BIGINT NOT NULL,
    PRIMARY KEY (meter_id, name, day, account_id, license_id)
);
-- `weighted` is how much a month's rises add to the sum of its daily levels.
CREATE TABLE usage_months (
    meter_id UUID NOT NULL,
    name TEXT COLLATE "C" NOT NULL,
    month BIGINT NOT NULL,
    account_id UUID NOT NULL,
    license_id UUID NOT NULL,
    value BIGINT NOT NULL,
    weighted BIGINT NOT NULL,
    PRIMARY KEY (meter_id, name, month, account_id, license_id)
);

-- The day on which something was first seen in a month.
CREATE TABLE usage_subjects (
    meter_id UUID NOT NULL,
    month BIGINT NOT NULL,
    digest BYTEA NOT NULL,
    day BIGINT NOT NULL,
    PRIMARY KEY (meter_id, month, digest)
);
-- The last report of a day.
CREATE TABLE usage_levels (
    meter_id UUID NOT NULL,
    digest BYTEA NOT NULL,
    day BIGINT NOT NULL,
    at BIGINT NOT NULL,
    value BIGINT NOT NULL,
    PRIMARY KEY (meter_id, digest, day)
);
