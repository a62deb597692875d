-- Clients that register themselves (RFC 7591, RFC 7592), and keys at the client's own address.
ALTER TABLE identity.clients ADD COLUMN jwks_uri text NOT NULL DEFAULT '';
ALTER TABLE identity.clients ADD COLUMN keys_fetched_at timestamptz;
ALTER TABLE identity.clients ADD COLUMN keys_tried_at timestamptz;
CREATE INDEX clients_with_key_address ON identity.clients (keys_tried_at) WHERE jwks_uri <> '';

-- A registration is managed with a token of its own; its row goes when the client is deleted.
CREATE TABLE identity.registrations (
    client_id     text        NOT NULL CONSTRAINT registrations_pk PRIMARY KEY
                              CONSTRAINT registrations_client REFERENCES identity.clients (id),
    token_hash    bytea       NOT NULL,
    metadata      jsonb       NOT NULL,
    source_key    bytea       NOT NULL,
    registered_at timestamptz NOT NULL
);

-- Attempts to register, to be counted by source, as a ring (kernel/ring.py).
CREATE TABLE identity.registration_attempts (
    source_key bytea       NOT NULL,
    slot       smallint    NOT NULL,
    expires_at timestamptz NOT NULL
) PARTITION BY LIST (slot);
CREATE INDEX registration_attempts_by_source
    ON identity.registration_attempts (source_key, expires_at);

DO $$
BEGIN
    FOR n IN 0..7 LOOP
        EXECUTE format('CREATE TABLE identity.registration_attempts_%s PARTITION OF'
            ' identity.registration_attempts FOR VALUES IN (%s) WITH (autovacuum_enabled = false)',
            n, n);
    END LOOP;
END $$;

-- What lets somebody register (RFC 7591 s1.2, "initial access token"), a number of times.
CREATE TABLE identity.initial_access_tokens (
    token_hash bytea       NOT NULL CONSTRAINT initial_access_tokens_pk PRIMARY KEY,
    issued_by  text        NOT NULL,
    uses_left  integer     NOT NULL CONSTRAINT initial_access_tokens_uses CHECK (uses_left >= 0),
    expires_at timestamptz NOT NULL
);
