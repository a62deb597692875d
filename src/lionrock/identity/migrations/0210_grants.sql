-- Grants on record: what a person let a client do for longer than one access token lives, and the
-- refresh tokens that stand on it. A grant without refresh token, details or management needs no
-- row: it ends with its token.
CREATE TABLE identity.grants (
    id text NOT NULL,
    client_id text NOT NULL,
    person_id text NOT NULL,
    company_id text,
    mandate_id text,
    scopes text[] NOT NULL,
    details jsonb NOT NULL,
    claims jsonb,
    consent_ids text[] NOT NULL,
    signed_in_at timestamptz NOT NULL,
    created_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL,
    expires_at timestamptz NOT NULL,
    revoked_at timestamptz,
    revoked_by text,
    CONSTRAINT grants_pk PRIMARY KEY (id),
    CONSTRAINT grants_client FOREIGN KEY (client_id) REFERENCES identity.clients (id),
    CONSTRAINT grants_person FOREIGN KEY (person_id) REFERENCES identity.persons (id),
    CONSTRAINT grants_revocation CHECK ((revoked_at IS NULL) = (revoked_by IS NULL))
);
CREATE INDEX grants_by_expiry ON identity.grants (expires_at);
CREATE INDEX grants_by_consent ON identity.grants USING gin (consent_ids)
    WHERE consent_ids <> '{}';

-- One row per sign-in that brought a refresh token; rotation counts `generation` up. The tokens
-- themselves are derived, never kept (domain/refresh.py).
CREATE TABLE identity.refresh_families (
    handle_hash bytea NOT NULL,
    grant_id text NOT NULL,
    client_id text NOT NULL,
    jkt text NOT NULL,
    generation integer NOT NULL,
    started_at timestamptz NOT NULL,
    idle_expires_at timestamptz NOT NULL,
    expires_at timestamptz NOT NULL,
    CONSTRAINT refresh_families_pk PRIMARY KEY (handle_hash),
    CONSTRAINT refresh_families_grant FOREIGN KEY (grant_id)
        REFERENCES identity.grants (id) ON DELETE CASCADE,
    CONSTRAINT refresh_families_generation CHECK (generation >= 1)
) WITH (fillfactor = 70);
CREATE INDEX refresh_families_by_grant ON identity.refresh_families (grant_id);

-- What one access token was narrowed to: its details (RFC 9396), its userinfo claims (OIDC s5.5).
ALTER TABLE identity.access_tokens ADD COLUMN details jsonb NOT NULL DEFAULT '[]';
ALTER TABLE identity.access_tokens ADD COLUMN claims text[] NOT NULL DEFAULT '{}';
