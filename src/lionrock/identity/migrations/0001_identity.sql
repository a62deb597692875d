-- Identity: persons, companies, mandates, devices, approvals, clients, grants.
-- Look-up columns are keyed HMACs, *_sealed columns AES-256-GCM; both keys live in the key store.
-- Bearer values (codes, request URIs, tokens, browser secrets) are kept as SHA-256.
CREATE SCHEMA identity;

CREATE TABLE identity.persons (
    id text NOT NULL,
    names jsonb NOT NULL,
    status text NOT NULL,
    identity_number_key bytea NOT NULL,
    identity_number_sealed bytea NOT NULL,
    phone_key bytea NOT NULL,
    phone_sealed bytea NOT NULL,
    email_key bytea NOT NULL,
    email_sealed bytea NOT NULL,
    handle text,
    created_at timestamptz NOT NULL,
    CONSTRAINT persons_pk PRIMARY KEY (id),
    CONSTRAINT persons_status CHECK (status IN ('active', 'suspended')),
    CONSTRAINT persons_identity_number UNIQUE (identity_number_key),
    CONSTRAINT persons_phone UNIQUE (phone_key),
    CONSTRAINT persons_email UNIQUE (email_key),
    CONSTRAINT persons_handle UNIQUE (handle)
);

CREATE TABLE identity.staff_roles (
    person_id text NOT NULL,
    role text NOT NULL,
    granted_at timestamptz NOT NULL,
    revoked_at timestamptz,
    CONSTRAINT staff_roles_pk PRIMARY KEY (person_id, role, granted_at),
    CONSTRAINT staff_roles_person FOREIGN KEY (person_id) REFERENCES identity.persons (id),
    CONSTRAINT staff_roles_role CHECK (role IN ('assessor', 'committee', 'operator'))
);

CREATE TABLE identity.companies (
    id text NOT NULL,
    business_number text NOT NULL,
    names jsonb NOT NULL,
    status text NOT NULL,
    created_at timestamptz NOT NULL,
    CONSTRAINT companies_pk PRIMARY KEY (id),
    CONSTRAINT companies_status CHECK (status IN ('live', 'ceased')),
    CONSTRAINT companies_business_number UNIQUE (business_number)
);

-- Append-only but for revoked_at and revoked_by, set once: history answers "at that time".
CREATE TABLE identity.mandates (
    id text NOT NULL,
    person_id text NOT NULL,
    company_id text NOT NULL,
    role text NOT NULL,
    scopes text[] NOT NULL,
    valid_from timestamptz NOT NULL,
    valid_to timestamptz,
    amount_minor_max bigint,
    currency text,
    signatures_needed integer NOT NULL,
    granted_at timestamptz NOT NULL,
    granted_by text NOT NULL,
    revoked_at timestamptz,
    revoked_by text,
    CONSTRAINT mandates_pk PRIMARY KEY (id),
    CONSTRAINT mandates_person FOREIGN KEY (person_id) REFERENCES identity.persons (id),
    CONSTRAINT mandates_company FOREIGN KEY (company_id) REFERENCES identity.companies (id),
    CONSTRAINT mandates_period CHECK (valid_to IS NULL OR valid_to > valid_from),
    CONSTRAINT mandates_amount CHECK ((amount_minor_max IS NULL) = (currency IS NULL)),
    CONSTRAINT mandates_revocation CHECK ((revoked_at IS NULL) = (revoked_by IS NULL))
);
CREATE INDEX mandates_by_pair ON identity.mandates (person_id, company_id);
CREATE INDEX mandates_by_company ON identity.mandates (company_id);

CREATE TABLE identity.devices (
    id text NOT NULL,
    person_id text NOT NULL,
    public_jwk jsonb NOT NULL,
    thumbprint text NOT NULL,
    enrolled_at timestamptz NOT NULL,
    revoked_at timestamptz,
    CONSTRAINT devices_pk PRIMARY KEY (id),
    CONSTRAINT devices_person FOREIGN KEY (person_id) REFERENCES identity.persons (id),
    CONSTRAINT devices_key UNIQUE (thumbprint)
);
CREATE INDEX devices_by_person ON identity.devices (person_id);

CREATE TABLE identity.enrolment_codes (
    code_hash bytea NOT NULL,
    person_id text NOT NULL,
    expires_at timestamptz NOT NULL,
    used_at timestamptz,
    CONSTRAINT enrolment_codes_pk PRIMARY KEY (code_hash),
    CONSTRAINT enrolment_codes_person FOREIGN KEY (person_id) REFERENCES identity.persons (id)
);

CREATE TABLE identity.approvals (
    id text NOT NULL,
    kind text NOT NULL,
    reference text NOT NULL,
    requester_org text NOT NULL,
    company_id text,
    scope text,
    amount_minor bigint,
    currency text,
    quorum integer NOT NULL,
    shown jsonb NOT NULL,
    words_hash text NOT NULL,
    number text,
    tries_left integer NOT NULL,
    state text NOT NULL,
    created_at timestamptz NOT NULL,
    expires_at timestamptz NOT NULL,
    decided_at timestamptz,
    CONSTRAINT approvals_pk PRIMARY KEY (id),
    CONSTRAINT approvals_company FOREIGN KEY (company_id) REFERENCES identity.companies (id),
    CONSTRAINT approvals_state CHECK (state IN ('pending', 'approved', 'rejected', 'expired')),
    CONSTRAINT approvals_decided CHECK ((state = 'pending') = (decided_at IS NULL)),
    CONSTRAINT approvals_tries CHECK (tries_left >= 0),
    CONSTRAINT approvals_amount CHECK ((amount_minor IS NULL) = (currency IS NULL))
);

CREATE TABLE identity.approval_persons (
    approval_id text NOT NULL,
    person_id text NOT NULL,
    position integer NOT NULL,
    device_id text,
    decision text,
    answered_at timestamptz,
    jws text,
    CONSTRAINT approval_persons_pk PRIMARY KEY (approval_id, person_id),
    CONSTRAINT approval_persons_approval FOREIGN KEY (approval_id)
        REFERENCES identity.approvals (id),
    CONSTRAINT approval_persons_person FOREIGN KEY (person_id) REFERENCES identity.persons (id),
    CONSTRAINT approval_persons_device FOREIGN KEY (device_id) REFERENCES identity.devices (id),
    CONSTRAINT approval_persons_decision CHECK (decision IN ('approved', 'rejected')),
    CONSTRAINT approval_persons_answer CHECK (
        num_nulls(device_id, decision, answered_at, jws) IN (0, 4))
);
CREATE INDEX approval_persons_by_person ON identity.approval_persons (person_id)
    WHERE decision IS NULL;

CREATE TABLE identity.clients (
    id text NOT NULL,
    names jsonb NOT NULL,
    organisation_id text NOT NULL,
    sector text NOT NULL,
    redirect_uris text[] NOT NULL,
    scopes text[] NOT NULL,
    keys jsonb NOT NULL,
    is_active boolean NOT NULL,
    created_at timestamptz NOT NULL,
    CONSTRAINT clients_pk PRIMARY KEY (id)
);

CREATE TABLE identity.pushed_requests (
    request_hash bytea NOT NULL,
    client_id text NOT NULL,
    request jsonb NOT NULL,
    expires_at timestamptz NOT NULL,
    used_at timestamptz,
    CONSTRAINT pushed_requests_pk PRIMARY KEY (request_hash),
    CONSTRAINT pushed_requests_client FOREIGN KEY (client_id) REFERENCES identity.clients (id)
);
CREATE INDEX pushed_requests_by_expiry ON identity.pushed_requests (expires_at);

-- One browser's attempt to complete one pushed request. `subject_key` is what attempts are counted
-- by; without an approval it is a decoy, which looks the same to the browser.
CREATE TABLE identity.sign_ins (
    id text NOT NULL,
    request_hash bytea NOT NULL,
    client_id text NOT NULL,
    browser_hash bytea NOT NULL,
    subject_key bytea NOT NULL,
    person_id text,
    approval_id text,
    number text NOT NULL,
    started_at timestamptz NOT NULL,
    expires_at timestamptz NOT NULL,
    finished_at timestamptz,
    is_approved boolean NOT NULL DEFAULT false,
    CONSTRAINT sign_ins_pk PRIMARY KEY (id),
    CONSTRAINT sign_ins_request FOREIGN KEY (request_hash)
        REFERENCES identity.pushed_requests (request_hash) ON DELETE CASCADE,
    CONSTRAINT sign_ins_decoy CHECK ((person_id IS NULL) = (approval_id IS NULL))
);
CREATE INDEX sign_ins_by_subject ON identity.sign_ins (subject_key, started_at);
CREATE INDEX sign_ins_by_request ON identity.sign_ins (request_hash);

CREATE TABLE identity.codes (
    code_hash bytea NOT NULL,
    client_id text NOT NULL,
    person_id text NOT NULL,
    grant_id text NOT NULL,
    request jsonb NOT NULL,
    signed_in_at timestamptz NOT NULL,
    expires_at timestamptz NOT NULL,
    used_at timestamptz,
    CONSTRAINT codes_pk PRIMARY KEY (code_hash),
    CONSTRAINT codes_client FOREIGN KEY (client_id) REFERENCES identity.clients (id),
    CONSTRAINT codes_person FOREIGN KEY (person_id) REFERENCES identity.persons (id)
);
CREATE INDEX codes_by_expiry ON identity.codes (expires_at);

CREATE TABLE identity.access_tokens (
    token_hash bytea NOT NULL,
    grant_id text NOT NULL,
    client_id text NOT NULL,
    person_id text NOT NULL,
    company_id text,
    mandate_id text,
    scopes text[] NOT NULL,
    jkt text NOT NULL,
    issued_at timestamptz NOT NULL,
    expires_at timestamptz NOT NULL,
    revoked_at timestamptz,
    CONSTRAINT access_tokens_pk PRIMARY KEY (token_hash),
    CONSTRAINT access_tokens_client FOREIGN KEY (client_id) REFERENCES identity.clients (id),
    CONSTRAINT access_tokens_person FOREIGN KEY (person_id) REFERENCES identity.persons (id),
    CONSTRAINT access_tokens_company FOREIGN KEY (company_id) REFERENCES identity.companies (id),
    CONSTRAINT access_tokens_mandate FOREIGN KEY (mandate_id) REFERENCES identity.mandates (id),
    CONSTRAINT access_tokens_acting CHECK ((company_id IS NULL) = (mandate_id IS NULL))
);
CREATE INDEX access_tokens_by_grant ON identity.access_tokens (grant_id);
CREATE INDEX access_tokens_by_expiry ON identity.access_tokens (expires_at);
