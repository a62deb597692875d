-- Charge many questions at once, each to a participant's bucket and to that of the payer it is
-- asked for. The sums are those of addressing/domain/buckets.py, whose numbers are the arguments.
-- `names`, `keys`: the buckets, each once, sorted; `own`, `payer`: for each question which of them
-- (from 1); `costs`: its cost, 0 for a question that is not asked after all.
-- Returns the positions (from 1) of those who may not ask; they are charged nothing.
-- All who charge a bucket take its advisory lock first, in one order, so that none waits in a
-- circle
-- and a bucket that is not there yet is not made twice.
CREATE FUNCTION payments.charge(
    names text[], keys bytea[], own integer[], payer integer[], costs integer[],
    asked_at timestamptz, participant_max integer, participant_refill_ms integer,
    payer_max integer, payer_refill_ms integer
) RETURNS SETOF integer
LANGUAGE plpgsql VOLATILE
SET plan_cache_mode = force_generic_plan
SET enable_seqscan = off SET enable_hashjoin = off SET enable_mergejoin = off
AS $$
DECLARE
    tokens    integer[];
    instants  timestamptz[];
BEGIN
    PERFORM pg_advisory_xact_lock(l.id) FROM (
        SELECT hashtextextended(n.name || encode(n.key, 'hex'), 7310002) AS id
          FROM unnest(names, keys) AS n (name, key) ORDER BY 1
    ) AS l;
    -- A statement of its own: its snapshot sees what the one before in the queue has committed.
    SELECT array_agg(least(r.most, coalesce(b.tokens, r.most) + r.gained) ORDER BY n.position),
           array_agg(coalesce(b.at + r.gained * r.refill_ms * interval '1 millisecond', asked_at)
                     ORDER BY n.position)
      INTO tokens, instants
      FROM unnest(names, keys) WITH ORDINALITY AS n (name, key, position)
      LEFT JOIN payments.asking_buckets b ON b.organisation_id = n.name AND b.payer_key = n.key
     CROSS JOIN LATERAL (
        SELECT CASE WHEN n.key = '\x' THEN participant_max ELSE payer_max END AS most,
               CASE WHEN n.key = '\x' THEN participant_refill_ms ELSE payer_refill_ms END
                   AS refill_ms
     ) AS s
     CROSS JOIN LATERAL (
        -- Bounded, so that what a long pause brings stays in range.
        SELECT s.most, s.refill_ms, least(1000000, coalesce(greatest(0, floor(
            extract(epoch FROM asked_at - b.at) * 1000 / s.refill_ms)), 0))::integer AS gained
     ) AS r;
    FOR i IN 1 .. cardinality(costs) LOOP
        CONTINUE WHEN costs[i] = 0;
        -- A negative cost gives back, also to a bucket that is empty.
        IF costs[i] > 0 AND (tokens[own[i]] <= 0 OR tokens[payer[i]] <= 0) THEN
            RETURN NEXT i;
        ELSE
            tokens[own[i]] := tokens[own[i]] - costs[i];
            IF payer[i] <> own[i] THEN
                tokens[payer[i]] := tokens[payer[i]] - costs[i];
            END IF;
        END IF;
    END LOOP;
    INSERT INTO payments.asking_buckets AS b (organisation_id, payer_key, tokens, at)
    SELECT * FROM unnest(names, keys, tokens, instants)
        ON CONFLICT (organisation_id, payer_key)
        DO UPDATE SET tokens = excluded.tokens, at = excluded.at;
END $$;

-- Admit a group of signed questions: remember their nonces (kernel.remember), charge those that
-- were
-- new. Returns positions and why not: a replay is charged to nobody.
CREATE FUNCTION payments.admit(
    locks bigint[], nonces bytea[], slots smallint[], expiries timestamptz[],
    names text[], keys bytea[], own integer[], payer integer[], costs integer[],
    asked_at timestamptz, participant_max integer, participant_refill_ms integer,
    payer_max integer, payer_refill_ms integer
) RETURNS TABLE ("position" integer, why text)
LANGUAGE plpgsql VOLATILE AS $$
DECLARE
    known  bigint[];
    charged integer[] := costs;
BEGIN
    known := ARRAY(SELECT kernel.remember(locks, nonces, slots, expiries,
        ARRAY(SELECT generate_series(1, cardinality(nonces)))));
    FOR i IN 1 .. cardinality(known) LOOP
        charged[known[i]] := 0;
        RETURN QUERY SELECT known[i]::integer, 'replayed';
    END LOOP;
    RETURN QUERY SELECT c, 'exhausted' FROM payments.charge(names, keys, own, payer, charged,
        asked_at, participant_max, participant_refill_ms, payer_max, payer_refill_ms) AS c;
END $$;
