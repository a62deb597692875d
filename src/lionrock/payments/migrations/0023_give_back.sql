-- Give back tokens (payments.charge at a negative cost), as a value among those of one statement.
CREATE FUNCTION payments.give_back(
    names text[], keys bytea[], own integer[], payer integer[], costs integer[],
    asked_at timestamptz, participant_max integer, participant_refill_ms integer,
    payer_max integer, payer_refill_ms integer
) RETURNS void
LANGUAGE plpgsql VOLATILE AS $$
BEGIN
    PERFORM payments.charge(names, keys, own, payer, costs, asked_at,
        participant_max, participant_refill_ms, payer_max, payer_refill_ms);
END $$;
