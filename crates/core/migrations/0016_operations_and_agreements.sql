-- What takes longer than a call. `done_to` is the last license that a resumption has looked at.
CREATE TABLE operations (
    id UUID NOT NULL PRIMARY KEY,
    tenant_id UUID NOT NULL,
    account_id UUID NOT NULL REFERENCES accounts (id),
    kind TEXT NOT NULL,
    state TEXT NOT NULL,
    done_to UUID,
    begun_by TEXT NOT NULL,
    begun_for UUID NOT NULL,
    created_at BIGINT NOT NULL,
    finished_at BIGINT,
    problem TEXT
);
CREATE UNIQUE INDEX operations_unfinished ON operations (account_id) WHERE finished_at IS NULL;
CREATE INDEX operations_waiting ON operations (id) WHERE finished_at IS NULL;
CREATE INDEX operations_account ON operations (account_id, id);
CREATE INDEX operations_finished ON operations (finished_at) WHERE finished_at IS NOT NULL;

-- Terms that have to be accepted before a product is ordered, and which accounts have accepted them.
CREATE TABLE agreements (
    id UUID NOT NULL PRIMARY KEY,
    tenant_id UUID NOT NULL REFERENCES accounts (id),
    product_id UUID REFERENCES products (id),
    name TEXT NOT NULL,
    body TEXT NOT NULL,
    url TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    retired_at BIGINT
);
CREATE INDEX agreements_tenant ON agreements (tenant_id, id);

CREATE TABLE acceptances (
    agreement_id UUID NOT NULL REFERENCES agreements (id),
    account_id UUID NOT NULL REFERENCES accounts (id),
    accepted_by TEXT NOT NULL,
    accepted_at BIGINT NOT NULL,
    PRIMARY KEY (agreement_id, account_id)
);
CREATE INDEX acceptances_account ON acceptances (account_id);
