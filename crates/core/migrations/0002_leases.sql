-- What leases need to be paced, to show a clone, and to be checked out for long.

-- When the device shall ask again; chosen with its lease, later when the server has much to do.
ALTER TABLE activations ADD COLUMN renew_at BIGINT;
-- The renewal before presented the lease before its last: one answer got lost. A second one in a row is a clone.
ALTER TABLE activations ADD COLUMN answer_lost BOOLEAN NOT NULL DEFAULT FALSE;
-- Until when the place was checked out for long, whatever renewals say.
ALTER TABLE activations ADD COLUMN long_until BIGINT;

-- What people call a device.
ALTER TABLE devices ADD COLUMN name TEXT NOT NULL DEFAULT '';
