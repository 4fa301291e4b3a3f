-- Daemons on local networks, and what each may hand out.

-- A daemon is a device that activated a network master license. Its numbers outlive that activation: whoever enrols again
-- goes on where it was.
CREATE TABLE daemons (
    device_id UUID NOT NULL PRIMARY KEY REFERENCES devices (id),
    activation_id UUID NOT NULL,
    tenant_id UUID NOT NULL,
    product_id UUID NOT NULL,
    license_id UUID NOT NULL,
    -- Of its latest delegation, and of the latest that it has shown to hold.
    number BIGINT NOT NULL,
    held BIGINT NOT NULL,
    made_at BIGINT NOT NULL,
    ends_at BIGINT NOT NULL,
    digest TEXT NOT NULL,
    delegation TEXT NOT NULL,
    endorsement TEXT NOT NULL,
    -- The last of its records that was taken.
    taken BIGINT NOT NULL,
    seen_at BIGINT NOT NULL,
    -- The latest request that was answered: when it was made, in seconds, and its name. An older one gets no secret.
    asked_at BIGINT NOT NULL,
    asked TEXT NOT NULL
);
CREATE UNIQUE INDEX daemons_activation ON daemons (activation_id);
CREATE INDEX daemons_license ON daemons (license_id);

-- Which license is with which daemon: the daemon holds an activation of it, its place.
CREATE TABLE delegations (
    device_id UUID NOT NULL REFERENCES devices (id),
    license_id UUID NOT NULL,
    activation_id UUID NOT NULL,
    -- Which of the license's places it is, from 0; the shares of what is counted go by it.
    place BIGINT NOT NULL,
    -- Of the latest delegation that names the license.
    number BIGINT NOT NULL,
    seats BIGINT NOT NULL,
    heartbeat_minutes BIGINT NOT NULL,
    -- Until when the place is taken, whatever becomes of the daemon.
    until_at BIGINT NOT NULL,
    PRIMARY KEY (device_id, license_id)
);
CREATE INDEX delegations_license ON delegations (license_id);
CREATE INDEX delegations_until ON delegations (until_at);

CREATE INDEX licenses_network ON licenses (product_id, account_id, id)
    WHERE concurrency = 'network' AND role = 'standard';
