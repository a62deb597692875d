-- Request objects that were used, by a hash of client and jti, as a ring (kernel/ring.py).
CREATE TABLE identity.request_objects (
    key        bytea       NOT NULL,
    slot       smallint    NOT NULL,
    expires_at timestamptz NOT NULL,
    CONSTRAINT request_objects_pk PRIMARY KEY (key, slot)
) PARTITION BY LIST (slot);

DO $$
BEGIN
    FOR n IN 0..7 LOOP
        EXECUTE format('CREATE TABLE identity.request_objects_%s PARTITION OF'
            ' identity.request_objects FOR VALUES IN (%s) WITH (autovacuum_enabled = false)', n, n);
    END LOOP;
END $$;
