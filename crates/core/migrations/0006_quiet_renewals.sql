-- Renewals and heartbeats change no column that is in an index (nor in the condition of one): each index entry rewritten
-- costs a page.

-- When to look whether the lease has lapsed: never later than it ends, but maybe earlier, since a renewal leaves this as it
-- is. The end of time (9999-12-31) where the lease has no end; NULL where nothing is to be found: returned, or its lapse was told.
ALTER TABLE activations ADD COLUMN look_at BIGINT;
UPDATE activations SET look_at = coalesce(lease_end, 253402300799999000) WHERE state = 'active' AND told = FALSE;
DROP INDEX activations_due;
ALTER TABLE activations DROP COLUMN told;
CREATE INDEX activations_look ON activations (look_at) WHERE look_at IS NOT NULL;

-- The activations of a license: those that may be live stand together.
DROP INDEX activations_lease;
CREATE INDEX activations_license ON activations (license_id, look_at) WHERE license_id IS NOT NULL;

-- What a device has or had. One user has a license there once at a time: what was returned has NULL in the last place, and
-- two of those differ.
DROP INDEX activations_live;
DROP INDEX activations_device;
CREATE UNIQUE INDEX activations_device ON activations (device_id, license_id, user_name, (nullif(state, 'returned')))
    WHERE license_id IS NOT NULL;
