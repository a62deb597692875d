-- Replay memory as a ring (kernel/ring.py): fixed partitions by expiry, emptied by TRUNCATE.
-- `key` is SHA-256 over the realm, a zero octet and the SHA-256 of the value.
ALTER TABLE kernel.replays RENAME TO replays_before;
ALTER TABLE kernel.replays_before RENAME CONSTRAINT replays_pk TO replays_before_pk;

CREATE TABLE kernel.replays (
    key        bytea       NOT NULL,
    slot       smallint    NOT NULL,
    expires_at timestamptz NOT NULL,
    CONSTRAINT replays_pk PRIMARY KEY (key, slot)
) PARTITION BY LIST (slot);

DO $$
BEGIN
    FOR n IN 0..7 LOOP
        -- Nothing is ever updated or deleted here, so there is nothing to vacuum.
        EXECUTE format('CREATE TABLE kernel.replays_%s PARTITION OF kernel.replays'
            ' FOR VALUES IN (%s) WITH (autovacuum_enabled = false)', n, n);
    END LOOP;
END $$;

INSERT INTO kernel.replays (key, slot, expires_at)
SELECT sha256(convert_to(realm, 'UTF8') || '\x00'::bytea || value),
       floor(extract(epoch FROM expires_at) / 120)::bigint % 8, expires_at
  FROM kernel.replays_before;
DROP TABLE kernel.replays_before;

-- Remember values, one request's beside another's: of each request (`units`) those before its first
-- known one. Returns the positions (from 1) of the known ones.
-- A value may be known in any slot, as its expiry may differ, and no constraint spans slots. So the
-- values are locked first, in the caller's order, and looked up by a statement of its own: its
-- snapshot then sees what the one before in the queue has committed.
-- The plan is kept while partitions grow from nothing to millions: only index look-ups will do.
CREATE FUNCTION kernel.remember(
    locks bigint[], keys bytea[], slots smallint[], expiries timestamptz[], units integer[]
) RETURNS SETOF bigint
LANGUAGE plpgsql VOLATILE
SET enable_seqscan = off SET enable_hashjoin = off SET enable_mergejoin = off
AS $$
BEGIN
    PERFORM pg_advisory_xact_lock(l.id) FROM unnest(locks) AS l (id);
    RETURN QUERY
        WITH given AS (
            SELECT * FROM unnest(keys, slots, expiries, units) WITH ORDINALITY
                AS g (key, slot, expires_at, unit, position)
        ), known AS MATERIALIZED (
            SELECT g.unit, g.position FROM given g
             WHERE EXISTS (SELECT FROM kernel.replays r WHERE r.key = g.key)
        ), saved AS (
            INSERT INTO kernel.replays (key, slot, expires_at)
            SELECT g.key, g.slot, g.expires_at FROM given g
             WHERE NOT EXISTS (SELECT FROM known k
                                WHERE k.unit = g.unit AND k.position <= g.position)
        )
        SELECT k.position FROM known k;
END $$;
