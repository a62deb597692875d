-- Form filling: a person's values, what an approval lets a client fetch once, fillings without
-- log-in. Values and undelivered answers are sealed (AES-256-GCM, bound to column and row).
CREATE TABLE identity.form_values (
    person_id text NOT NULL,
    field text NOT NULL,
    is_own boolean NOT NULL,
    value_sealed bytea NOT NULL,
    source text NOT NULL,
    evidence text NOT NULL,
    stated_by text,
    reference text,
    matched_at timestamptz,
    updated_at timestamptz NOT NULL,
    CONSTRAINT form_values_pk PRIMARY KEY (person_id, field, is_own),
    CONSTRAINT form_values_person FOREIGN KEY (person_id) REFERENCES identity.persons (id),
    CONSTRAINT form_values_source CHECK (
        source IN ('registry_of_persons', 'address_proof', 'self')),
    CONSTRAINT form_values_own CHECK (is_own = (source = 'self')),
    CONSTRAINT form_values_matched CHECK (is_own = (matched_at IS NULL))
);

-- By which pseudonym a registry knows a person: no door takes an identity number.
CREATE TABLE identity.form_subjects (
    organisation_id text NOT NULL,
    subject text NOT NULL,
    person_id text NOT NULL,
    CONSTRAINT form_subjects_pk PRIMARY KEY (organisation_id, subject),
    CONSTRAINT form_subjects_person FOREIGN KEY (person_id) REFERENCES identity.persons (id)
);

-- One row per yes to a form; `grant_id` of tokens, or none for a filling without log-in.
CREATE TABLE identity.form_grants (
    id text NOT NULL,
    grant_id text NOT NULL,
    client_id text NOT NULL,
    person_id text NOT NULL,
    approval_id text NOT NULL,
    detail jsonb NOT NULL,
    granted_at timestamptz NOT NULL,
    expires_at timestamptz NOT NULL,
    delivered_at timestamptz,
    delivery_key bytea,
    answer_sealed bytea,
    CONSTRAINT form_grants_pk PRIMARY KEY (id),
    CONSTRAINT form_grants_delivery CHECK ((delivered_at IS NULL) = (answer_sealed IS NULL))
);
CREATE INDEX form_grants_by_grant ON identity.form_grants (grant_id);
CREATE INDEX form_grants_by_expiry ON identity.form_grants (expires_at);

CREATE TABLE identity.form_fillings (
    id text NOT NULL,
    handle_hash bytea NOT NULL,
    client_id text NOT NULL,
    detail jsonb NOT NULL,
    number text NOT NULL,
    started_at timestamptz NOT NULL,
    expires_at timestamptz NOT NULL,
    person_id text,
    approval_id text,
    CONSTRAINT form_fillings_pk PRIMARY KEY (id),
    CONSTRAINT form_fillings_handle UNIQUE (handle_hash),
    CONSTRAINT form_fillings_client FOREIGN KEY (client_id) REFERENCES identity.clients (id),
    CONSTRAINT form_fillings_asked CHECK ((person_id IS NULL) = (approval_id IS NULL))
);
CREATE INDEX form_fillings_by_client ON identity.form_fillings (client_id, started_at);

-- What an approval's words stand for, as asked, and as its person narrowed it.
ALTER TABLE identity.approvals ADD COLUMN details jsonb NOT NULL DEFAULT '[]';
ALTER TABLE identity.approvals ADD COLUMN granted jsonb;
