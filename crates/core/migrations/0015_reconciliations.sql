-- Tables of other systems beside statements, and what came of them: rows in sheets of JSON, in their order. Months count from the
-- beginning of year 0.
CREATE TABLE reconciliations (
    id UUID NOT NULL PRIMARY KEY,
    tenant_id UUID NOT NULL,
    account_id UUID NOT NULL REFERENCES accounts (id),
    month BIGINT NOT NULL,
    summary TEXT NOT NULL,
    created_at BIGINT NOT NULL
);
CREATE INDEX reconciliations_account ON reconciliations (account_id, id);

CREATE TABLE reconciliation_sheets (
    reconciliation_id UUID NOT NULL REFERENCES reconciliations (id),
    sheet BIGINT NOT NULL,
    content TEXT NOT NULL,
    PRIMARY KEY (reconciliation_id, sheet)
);

-- What another system calls our records, in the reconciliations of one account. Of a meter it may be one key.
CREATE TABLE remembered_names (
    id UUID NOT NULL PRIMARY KEY,
    tenant_id UUID NOT NULL,
    account_id UUID NOT NULL REFERENCES accounts (id),
    system TEXT NOT NULL,
    kind TEXT NOT NULL,
    name TEXT NOT NULL,
    record_id UUID NOT NULL,
    key TEXT NOT NULL,
    remembered_at BIGINT NOT NULL
);
CREATE UNIQUE INDEX remembered_names_name ON remembered_names (account_id, system, kind, name);
CREATE INDEX remembered_names_account ON remembered_names (account_id, id);
