-- Recoveries begun, by source, for an hour: a ring (kernel/ring.py).
CREATE TABLE identity.recovery_attempts (
    source_key bytea       NOT NULL,
    slot       smallint    NOT NULL,
    expires_at timestamptz NOT NULL
) PARTITION BY LIST (slot);
CREATE INDEX recovery_attempts_by_source ON identity.recovery_attempts (source_key, expires_at);

DO $$
BEGIN
    FOR n IN 0..7 LOOP
        EXECUTE format('CREATE TABLE identity.recovery_attempts_%s PARTITION OF'
            ' identity.recovery_attempts FOR VALUES IN (%s) WITH (autovacuum_enabled = false)',
            n, n);
    END LOOP;
END $$;
