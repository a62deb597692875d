-- Charge the questions of signed calls, each call with its nonce, in one statement: it needs no
-- BEGIN and no COMMIT of its own. Nonces first and then buckets, as a look-up takes its locks.
-- `callers`, `kids`, `role`: who calls, each with the key that he signed with (directory); with any
-- of them fallen nothing is done. `locks` (sorted), `nonces`, `slots`, `expiries`: one a call
-- (kernel.remember); `of_call`: to which call (from 1) each question belongs; the rest is
-- payments.charge's.
-- Rows: callers that may not act any more ('fallen'); else calls whose nonce was used before
-- ('replayed'), which are charged nothing, and questions that may not be asked ('exhausted'); each
-- by its position, from 1.
CREATE FUNCTION payments.charge_calls(
    callers text[], kids text[], role text,
    locks bigint[], nonces bytea[], slots smallint[], expiries timestamptz[], of_call integer[],
    names text[], keys bytea[], own integer[], payer integer[], costs integer[],
    asked_at timestamptz, participant_max integer, participant_refill_ms integer,
    payer_max integer, payer_refill_ms integer
) RETURNS TABLE ("position" integer, why text)
LANGUAGE plpgsql VOLATILE AS $$
DECLARE
    known   bigint[];
    charged integer[] := costs;
BEGIN
    why := 'fallen';
    FOR position IN
        SELECT f FROM directory.fallen_callers(callers, kids, role) AS f
    LOOP
        RETURN NEXT;
    END LOOP;
    IF FOUND THEN
        RETURN;
    END IF;
    known := ARRAY(SELECT kernel.remember(locks, nonces, slots, expiries,
        ARRAY(SELECT generate_series(1, cardinality(nonces)))));
    why := 'replayed';
    FOREACH position IN ARRAY known LOOP
        RETURN NEXT;
    END LOOP;
    FOR i IN 1 .. cardinality(costs) LOOP
        IF of_call[i] = ANY (known) THEN
            charged[i] := 0;
        END IF;
    END LOOP;
    IF cardinality(costs) = 0 THEN
        RETURN;
    END IF;
    why := 'exhausted';
    FOR position IN
        SELECT c FROM payments.charge(names, keys, own, payer, charged, asked_at,
            participant_max, participant_refill_ms, payer_max, payer_refill_ms) AS c
    LOOP
        RETURN NEXT;
    END LOOP;
END $$;
