-- When the term of a license ends, as far as its segment knows: seat days end with it.
ALTER TABLE segments ADD COLUMN ends_at BIGINT;

-- What closed months counted behind the end of a term stays as it was billed: the stretch that they saw ends where the last of
-- them was closed, and one that knows the end follows. It has the license's own id, which no other segment has.
UPDATE segments SET to_at = (SELECT max(c.as_of) FROM closings c WHERE c.tenant_id = segments.tenant_id)
    WHERE to_at IS NULL AND EXISTS (SELECT 1 FROM licenses l JOIN closings c ON c.tenant_id = l.tenant_id
    WHERE l.id = segments.license_id AND l.term_end < c.as_of AND segments.from_at < c.as_of);
INSERT INTO segments (id, tenant_id, license_id, account_id, product_id, term_kind, quantity, held, from_at, to_at, ends_at)
    SELECT l.id, l.tenant_id, l.id, l.account_id, l.product_id, l.term_kind, l.activation_limit, l.hold_count > 0,
    coalesce((SELECT max(s.to_at) FROM segments s WHERE s.license_id = l.id), l.created_at), NULL, l.term_end
    FROM licenses l WHERE NOT EXISTS (SELECT 1 FROM segments s WHERE s.license_id = l.id AND s.to_at IS NULL);
UPDATE segments SET ends_at = (SELECT l.term_end FROM licenses l WHERE l.id = segments.license_id) WHERE to_at IS NULL;
