-- A code is looked up by the products of its tenant: an index over the codes of all of them cost as much as the codes.
DROP INDEX licenses_tenant_code;
-- Events are listed by their ids and by what they are about; nobody asked for those of a tenant.
DROP INDEX events_tenant;
-- An event is in a block only once it is sealed: until then it costs no place in the index of blocks.
DROP INDEX events_block;
CREATE INDEX events_block ON events (block, id) WHERE block IS NOT NULL;
-- Each of these cost a page written for every activation. A device is found through the products of its tenant, and the
-- activations of a license by the index of their leases.
DROP INDEX devices_tenant;
DROP INDEX activations_license;
