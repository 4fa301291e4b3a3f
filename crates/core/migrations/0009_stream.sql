-- What happened in a tenant, for its owner to draw off, while the tenant has a live key that is made for drawing.

CREATE TABLE stream_records (
    id UUID NOT NULL PRIMARY KEY,
    tenant_id UUID NOT NULL,
    source TEXT COLLATE "C" NOT NULL,
    name TEXT NOT NULL,
    failed BOOLEAN NOT NULL,
    told_at BIGINT NOT NULL,
    at BIGINT NOT NULL,
    ip TEXT NOT NULL,
    who UUID,
    product_id UUID,
    code TEXT COLLATE "C",
    data TEXT NOT NULL
);
CREATE INDEX stream_records_tenant ON stream_records (tenant_id, id);
CREATE INDEX stream_records_source ON stream_records (tenant_id, source, id);
CREATE INDEX stream_records_code ON stream_records (tenant_id, code, id) WHERE code IS NOT NULL;

ALTER TABLE api_keys ADD COLUMN draws BOOLEAN NOT NULL DEFAULT FALSE;
CREATE INDEX api_keys_drawing ON api_keys (tenant_id) WHERE draws = TRUE AND revoked_at IS NULL;

-- The few licenses of daemons among all others.
CREATE INDEX licenses_masters ON licenses (tenant_id, id) WHERE role = 'network_master';
