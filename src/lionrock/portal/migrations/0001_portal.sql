-- Sessions of people's browsers. Whatever a session holds (tokens, the facts that a person has
-- typed in) is sealed; the cookie's secret is kept as its hash only.
CREATE SCHEMA portal;

CREATE TABLE portal.sessions (
    secret_hash bytea CONSTRAINT sessions_pk PRIMARY KEY
        CONSTRAINT sessions_secret_hash_length CHECK (octet_length(secret_hash) = 32),
    sealed bytea NOT NULL,
    started_at timestamptz NOT NULL,
    expires_at timestamptz NOT NULL,
    CONSTRAINT sessions_expire_after_start CHECK (expires_at > started_at)
);
CREATE INDEX sessions_by_expiry ON portal.sessions (expires_at);

-- Sign-ins under way: from leaving for the sign-in page until coming back, used once.
CREATE TABLE portal.sign_ins (
    secret_hash bytea CONSTRAINT sign_ins_pk PRIMARY KEY
        CONSTRAINT sign_ins_secret_hash_length CHECK (octet_length(secret_hash) = 32),
    sealed bytea NOT NULL,
    expires_at timestamptz NOT NULL
);
CREATE INDEX sign_ins_by_expiry ON portal.sign_ins (expires_at);
