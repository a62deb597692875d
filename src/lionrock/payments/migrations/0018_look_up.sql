-- A round of look-ups is one call: who may still ask, what is registered, nonces, prices.
-- As plain SQL with functions in it, the round was planned anew each time and waited for the disk:
-- of a millisecond of the server's, two thirds.

-- Since when nonces of look-ups are known without a gap. An unlogged table is emptied by the
-- server when it recovers from a crash, and by nothing else: then it is not known which nonces the
-- last moments before have added (`synchronous_commit` is off in payments.look_up), and whatever
-- was signed before is not answered any more.
CREATE UNLOGGED TABLE payments.nonces_known (
    is_one boolean     NOT NULL DEFAULT true,
    since  timestamptz NOT NULL,
    CONSTRAINT nonces_known_pk PRIMARY KEY (is_one),
    CONSTRAINT nonces_known_one_row CHECK (is_one)
);
INSERT INTO payments.nonces_known (since) VALUES ('-infinity');

-- `callers`, `kids`: who asks, each with the key he signed with, once; with any of them fallen
-- nothing is done. `wanted`, `currencies`, `locks` (sorted), `nonces`, `slots`, `expiries`, `made`:
-- one a look-up; `locks` belong to the nonces but stand in their own order. The rest is
-- payments.charge's, which does the sums.
-- Rows: fallen callers by their position; else registrations (why '') and reasons why a look-up is
-- not answered, by the position of the look-up. What is not answered is charged to nobody.
-- The plans are kept while tables grow from nothing to millions: only index look-ups will do.
CREATE FUNCTION payments.look_up(
    callers text[], kids text[], role text,
    wanted bytea[], currencies text[], cost_found integer, cost_absent integer,
    locks bigint[], nonces bytea[], slots smallint[], expiries timestamptz[], made timestamptz[],
    names text[], keys bytea[], own integer[], payer integer[],
    asked_at timestamptz, participant_max integer, participant_refill_ms integer,
    payer_max integer, payer_refill_ms integer
) RETURNS TABLE (
    "position" integer, why text, lookup_key bytea, currency text, organisation_id text,
    sealed_target bytea, clearing_code text, source text, listed_at timestamptz
)
LANGUAGE plpgsql VOLATILE
SET plan_cache_mode = force_generic_plan
SET enable_seqscan = off SET enable_hashjoin = off SET enable_mergejoin = off
AS $$
#variable_conflict use_column
DECLARE
    costs integer[] := array_fill(cost_absent, ARRAY[cardinality(wanted)]);
    known_since timestamptz;
BEGIN
    -- The answer does not wait for the disk: docs/decisions/0038 says what a crash may give back.
    PERFORM set_config('synchronous_commit', 'off', true);
    why := 'fallen';
    FOR position IN
        SELECT f FROM directory.fallen_callers(callers, kids, role) AS f
    LOOP
        RETURN NEXT;
    END LOOP;
    IF FOUND THEN
        RETURN;
    END IF;
    SELECT n.since INTO known_since FROM payments.nonces_known n;
    IF NOT FOUND THEN
        INSERT INTO payments.nonces_known (since) VALUES (asked_at) ON CONFLICT DO NOTHING;
        known_since := asked_at;
    END IF;
    PERFORM pg_advisory_xact_lock(l.id) FROM unnest(locks) AS l (id);
    -- A statement of its own: its snapshot sees what the one before in the queue has committed.
    FOR position, why IN
        SELECT g.position, CASE WHEN g.made <= known_since THEN 'forgotten' ELSE 'replayed' END
          FROM unnest(nonces, made) WITH ORDINALITY AS g (key, made, position)
         WHERE g.made <= known_since
            OR EXISTS (SELECT FROM kernel.replays r WHERE r.key = g.key)
    LOOP
        costs[position] := 0;
        RETURN NEXT;
    END LOOP;
    INSERT INTO kernel.replays (key, slot, expires_at)
    SELECT g.key, g.slot, g.expires_at
      FROM unnest(nonces, slots, expiries, costs) AS g (key, slot, expires_at, cost)
     WHERE g.cost <> 0;
    why := '';
    FOR position, lookup_key, currency, organisation_id, sealed_target, clearing_code, source,
        listed_at IN
        SELECT q.position, e.lookup_key, e.currency, e.organisation_id, e.sealed_target,
               p.clearing_code, h.source, h.listed_at
          FROM unnest(wanted) WITH ORDINALITY AS q (lookup_key, position)
          JOIN payments.proxy_entries e ON e.lookup_key = q.lookup_key
          JOIN payments.participants p ON p.organisation_id = e.organisation_id
          LEFT JOIN LATERAL (
            SELECT r.source, r.listed_at FROM payments.high_risk_proxies r
             WHERE r.lookup_key = e.lookup_key ORDER BY r.listed_at LIMIT 1) h ON true
    LOOP
        CONTINUE WHEN costs[position] = 0;
        IF currencies[position] IN ('', currency) THEN
            costs[position] := cost_found;
        END IF;
        RETURN NEXT;
    END LOOP;
    why := 'exhausted';
    lookup_key := NULL;
    FOR position IN
        SELECT c FROM payments.charge(names, keys, own, payer, costs, asked_at, participant_max,
            participant_refill_ms, payer_max, payer_refill_ms) AS c
    LOOP
        RETURN NEXT;
    END LOOP;
END $$;
DROP FUNCTION payments.admit;
