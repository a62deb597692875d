-- Beside the filter of archived ids: the highest of them by the time that ids begin with. A filter
-- saved without them is dropped; the next start reads the journal once instead.
DELETE FROM ledger.seen;
ALTER TABLE ledger.seen ADD COLUMN latest bytea NOT NULL;
