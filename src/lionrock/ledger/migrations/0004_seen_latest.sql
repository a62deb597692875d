-- Beside the filter of archived ids: the highest of them by the time that ids begin with. Of a
-- filter saved without them, the highest of all ids: not lower than those of the archived ones.
SET LOCAL statement_timeout = 0;
ALTER TABLE ledger.seen ADD COLUMN latest bytea NOT NULL DEFAULT ''::bytea;
UPDATE ledger.seen SET latest = (
    SELECT coalesce(string_agg(uuid_send(highest::uuid), ''::bytea), ''::bytea)
    FROM (
        SELECT max(id::text) AS highest
        FROM (SELECT id FROM ledger.transfers UNION ALL SELECT id FROM ledger.failed_transfers)
            AS used
        GROUP BY left(id::text, 4)
    ) AS stretches
);
ALTER TABLE ledger.seen ALTER COLUMN latest DROP DEFAULT;
