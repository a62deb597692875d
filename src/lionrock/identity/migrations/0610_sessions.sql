-- Sessions: the sign-ins of one browser that end together (log-out). A ring (kernel/ring.py).
CREATE TABLE identity.sessions (
    id text NOT NULL,
    browser_hash bytea NOT NULL,
    client_id text NOT NULL,
    person_id text NOT NULL,
    grant_id text NOT NULL,
    started_at timestamptz NOT NULL,
    expires_at timestamptz NOT NULL,
    ended_at timestamptz,
    slot smallint NOT NULL,
    CONSTRAINT sessions_pk PRIMARY KEY (id, slot)
) PARTITION BY LIST (slot);
DO $$
BEGIN
    FOR n IN 0..7 LOOP
        EXECUTE format('CREATE TABLE identity.%I PARTITION OF identity.sessions'
            ' FOR VALUES IN (%s) WITH (autovacuum_enabled = false)', 'sessions_' || n, n);
    END LOOP;
END $$;
CREATE INDEX sessions_by_browser ON identity.sessions (browser_hash) WHERE ended_at IS NULL;
CREATE INDEX sessions_by_grant ON identity.sessions (grant_id);
CREATE INDEX sessions_by_person ON identity.sessions (person_id) WHERE ended_at IS NULL;
