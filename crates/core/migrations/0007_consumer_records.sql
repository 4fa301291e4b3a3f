-- Who uses a product on one device, and whether a record is the last one under its license there.
CREATE INDEX consumer_records_device ON consumer_records (product_id, fingerprint, license_code, id);
-- Those of trials stand among the many of licenses.
CREATE INDEX consumer_records_trials ON consumer_records (product_id, id) WHERE license_code = '';
