-- What there is to say of a user, when its password was set, and which sessions came of one sign-in.
ALTER TABLE users ADD COLUMN contact TEXT NOT NULL DEFAULT '{}';
ALTER TABLE users ADD COLUMN password_set_at BIGINT;
ALTER TABLE sessions ADD COLUMN family UUID;
CREATE INDEX sessions_family ON sessions (family) WHERE family IS NOT NULL;

-- What is to be told to people by mail. Who hands one to the carrier holds it until `next_try_at`.
CREATE TABLE mails (
    id UUID NOT NULL PRIMARY KEY,
    tenant_id UUID NOT NULL,
    account_id UUID NOT NULL REFERENCES accounts (id),
    kind TEXT NOT NULL,
    recipient TEXT NOT NULL,
    subject TEXT NOT NULL,
    body TEXT NOT NULL,
    state TEXT NOT NULL,
    attempts BIGINT NOT NULL,
    next_try_at BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    settled_at BIGINT,
    problem TEXT
);
CREATE INDEX mails_account ON mails (account_id, id);
CREATE INDEX mails_waiting ON mails (next_try_at, id) WHERE state = 'waiting';
CREATE INDEX mails_settled ON mails (settled_at) WHERE settled_at IS NOT NULL;
