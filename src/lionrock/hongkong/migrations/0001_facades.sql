-- Wire-style facades: what a client of the Hong Kong wire styles has beside its registration in
-- identity, and what is under way. Secrets, content keys, inputs and results are sealed; codes,
-- tokens and tickets are kept as hashes. Persons, mandates, approvals and tokens are identity's.
CREATE SCHEMA hongkong_facades;

CREATE TABLE hongkong_facades.clients (
    client_id text CONSTRAINT clients_pk PRIMARY KEY,
    secret bytea NOT NULL,
    kek_certificate text NOT NULL,
    callback_url text NOT NULL
);

CREATE TABLE hongkong_facades.content_keys (
    client_id text NOT NULL CONSTRAINT content_keys_client_fk
        REFERENCES hongkong_facades.clients ON DELETE CASCADE,
    wire text NOT NULL CONSTRAINT content_keys_wire_known CHECK (wire IN ('iam', 'corpid')),
    sealed bytea NOT NULL,
    issued_at timestamptz NOT NULL,
    expires_at timestamptz NOT NULL,
    CONSTRAINT content_keys_pk PRIMARY KEY (client_id, wire),
    CONSTRAINT content_keys_expire_after_issue CHECK (expires_at > issued_at)
);

CREATE TABLE hongkong_facades.pages (
    sign_in_id text CONSTRAINT pages_pk PRIMARY KEY,
    client_id text NOT NULL,
    wire text NOT NULL,
    scopes text[] NOT NULL,
    company_scopes text[] NOT NULL,
    redirect_uri text NOT NULL,
    state text NOT NULL,
    language text NOT NULL,
    request_id text,
    expires_at timestamptz NOT NULL
);
CREATE INDEX pages_expires_at_idx ON hongkong_facades.pages (expires_at);

CREATE TABLE hongkong_facades.codes (
    code_hash bytea CONSTRAINT codes_pk PRIMARY KEY
        CONSTRAINT codes_hash_length CHECK (octet_length(code_hash) >= 32),
    client_id text NOT NULL,
    wire text NOT NULL,
    scopes text[] NOT NULL,
    person_id text NOT NULL,
    company_id text,
    grant_id text NOT NULL,
    issued_at timestamptz NOT NULL,
    expires_at timestamptz NOT NULL,
    used_at timestamptz,
    CONSTRAINT codes_company_where_corpid CHECK ((wire = 'corpid') = (company_id IS NOT NULL))
);
CREATE INDEX codes_expires_at_idx ON hongkong_facades.codes (expires_at);

CREATE TABLE hongkong_facades.tokens (
    token_hash bytea CONSTRAINT tokens_pk PRIMARY KEY
        CONSTRAINT tokens_hash_length CHECK (octet_length(token_hash) >= 32),
    client_id text NOT NULL,
    wire text NOT NULL,
    scopes text[] NOT NULL,
    expires_at timestamptz NOT NULL
);
CREATE INDEX tokens_expires_at_idx ON hongkong_facades.tokens (expires_at);

CREATE TABLE hongkong_facades.requests (
    id text CONSTRAINT requests_pk PRIMARY KEY,
    client_id text NOT NULL,
    wire text NOT NULL,
    kind text NOT NULL
        CONSTRAINT requests_kind_known CHECK (kind IN ('form', 'profile', 'step_up', 'sign')),
    business_id text NOT NULL,
    ticket_hash bytea NOT NULL CONSTRAINT requests_ticket_unique UNIQUE,
    redirect_uri text NOT NULL,
    state text NOT NULL,
    person_id text,
    company_id text,
    mandate_id text,
    approval_id text CONSTRAINT requests_approval_unique UNIQUE,
    asked bytea NOT NULL,
    outcome text CONSTRAINT requests_outcome_known
        CHECK (outcome IN ('approved', 'rejected', 'expired')),
    result bytea,
    sign_token_hash bytea CONSTRAINT requests_sign_token_unique UNIQUE,
    acknowledged text,
    delivered_at timestamptz,
    created_at timestamptz NOT NULL,
    expires_at timestamptz NOT NULL,
    CONSTRAINT requests_business_unique UNIQUE (client_id, wire, business_id)
);
CREATE INDEX requests_expires_at_idx ON hongkong_facades.requests (expires_at);
