-- The plan is the same for one value and for a hundred, and takes longer to make than to run.
ALTER FUNCTION kernel.remember(bigint[], bytea[], smallint[], timestamptz[], integer[])
    SET plan_cache_mode = force_generic_plan;
