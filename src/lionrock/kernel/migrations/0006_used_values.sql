-- Positions (from 1) of those keys that are remembered as used; for whoever can do without them
-- before kernel.remember decides. Part of a statement whose plan is kept: over a partitioned table
-- each plan takes longer to make than to run.
CREATE FUNCTION kernel.used_values(keys bytea[])
RETURNS SETOF bigint
LANGUAGE sql STABLE AS $$
    SELECT g.position FROM unnest(keys) WITH ORDINALITY AS g (key, position)
     WHERE EXISTS (SELECT FROM kernel.replays r WHERE r.key = g.key)
$$;
