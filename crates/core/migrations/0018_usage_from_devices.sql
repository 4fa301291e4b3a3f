-- Which meters installed copies may tell of.
ALTER TABLE meters ADD COLUMN from_devices BOOLEAN NOT NULL DEFAULT FALSE;
