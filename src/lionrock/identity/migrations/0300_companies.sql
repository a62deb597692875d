-- Companies: mandates of agent firms, roles at a service, deeds that await the officers' approval,
-- the registry's word on a company, and the operators' two-person operations.

-- A firm that acts for another one. Like mandates: granted, perhaps revoked, never changed.
CREATE TABLE identity.firm_mandates (
    id text NOT NULL,
    holder_company_id text NOT NULL,
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
    CONSTRAINT firm_mandates_pk PRIMARY KEY (id),
    CONSTRAINT firm_mandates_holder FOREIGN KEY (holder_company_id)
        REFERENCES identity.companies (id),
    CONSTRAINT firm_mandates_company FOREIGN KEY (company_id) REFERENCES identity.companies (id),
    CONSTRAINT firm_mandates_not_own CHECK (holder_company_id <> company_id),
    CONSTRAINT firm_mandates_period CHECK (valid_to IS NULL OR valid_to > valid_from),
    CONSTRAINT firm_mandates_amount CHECK ((amount_minor_max IS NULL) = (currency IS NULL)),
    CONSTRAINT firm_mandates_revocation CHECK ((revoked_at IS NULL) = (revoked_by IS NULL))
);
CREATE INDEX firm_mandates_by_company ON identity.firm_mandates (company_id);
CREATE INDEX firm_mandates_by_holder ON identity.firm_mandates (holder_company_id);

-- A token may stand on a chain: its mandate_id then joins the ids of all links ("man_a.man_b").
ALTER TABLE identity.access_tokens DROP CONSTRAINT access_tokens_mandate;

-- The names of roles that a service declared, and to which mandate a company gave which.
CREATE TABLE identity.declared_service_roles (
    client_id text NOT NULL,
    role text NOT NULL,
    CONSTRAINT declared_service_roles_pk PRIMARY KEY (client_id, role),
    CONSTRAINT declared_service_roles_client FOREIGN KEY (client_id)
        REFERENCES identity.clients (id)
);
CREATE TABLE identity.service_roles (
    id text NOT NULL,
    mandate_id text NOT NULL,
    company_id text NOT NULL,
    client_id text NOT NULL,
    role text NOT NULL,
    granted_at timestamptz NOT NULL,
    granted_by text NOT NULL,
    revoked_at timestamptz,
    revoked_by text,
    CONSTRAINT service_roles_pk PRIMARY KEY (id),
    CONSTRAINT service_roles_company FOREIGN KEY (company_id) REFERENCES identity.companies (id),
    CONSTRAINT service_roles_client FOREIGN KEY (client_id) REFERENCES identity.clients (id),
    CONSTRAINT service_roles_revocation CHECK ((revoked_at IS NULL) = (revoked_by IS NULL))
);
CREATE UNIQUE INDEX service_roles_held_once
    ON identity.service_roles (mandate_id, client_id, role) WHERE revoked_at IS NULL;
CREATE INDEX service_roles_by_company ON identity.service_roles (company_id);

-- A change of a company's mandates as asked for; it takes effect when the officers approve.
CREATE TABLE identity.mandate_deeds (
    id text NOT NULL,
    company_id text NOT NULL,
    kind text NOT NULL,
    deed jsonb NOT NULL,
    requested_by text NOT NULL,
    approval_id text,
    state text NOT NULL,
    outcome text,
    created_at timestamptz NOT NULL,
    decided_at timestamptz,
    CONSTRAINT mandate_deeds_pk PRIMARY KEY (id),
    CONSTRAINT mandate_deeds_company FOREIGN KEY (company_id) REFERENCES identity.companies (id),
    CONSTRAINT mandate_deeds_person FOREIGN KEY (requested_by) REFERENCES identity.persons (id),
    CONSTRAINT mandate_deeds_state CHECK (state IN ('pending', 'effective', 'refused')),
    CONSTRAINT mandate_deeds_decided CHECK ((state = 'pending') = (decided_at IS NULL))
);
CREATE UNIQUE INDEX mandate_deeds_by_approval ON identity.mandate_deeds (approval_id);
CREATE INDEX mandate_deeds_by_company ON identity.mandate_deeds (company_id, created_at);

-- What a registry said of a company, in the order in which we learned it.
ALTER TABLE identity.companies DROP CONSTRAINT companies_status;
ALTER TABLE identity.companies ADD CONSTRAINT companies_status
    CHECK (status IN ('live', 'suspended', 'ceased'));
CREATE TABLE identity.company_statuses (
    id text NOT NULL,
    company_id text NOT NULL,
    status text NOT NULL,
    as_of timestamptz NOT NULL,
    source text NOT NULL,
    organisation_id text NOT NULL,
    reference text NOT NULL,
    is_applied boolean NOT NULL,
    recorded_at timestamptz NOT NULL,
    CONSTRAINT company_statuses_pk PRIMARY KEY (id),
    CONSTRAINT company_statuses_company FOREIGN KEY (company_id)
        REFERENCES identity.companies (id),
    CONSTRAINT company_statuses_reference UNIQUE (organisation_id, reference),
    CONSTRAINT company_statuses_status CHECK (status IN ('live', 'suspended', 'ceased'))
);
CREATE INDEX company_statuses_by_company ON identity.company_statuses (company_id, as_of);

-- Maker and checker: what one operator asked for and another one decided. What is asked may hold
-- personal data, so it is sealed.
CREATE TABLE identity.operations (
    id text NOT NULL,
    kind text NOT NULL,
    deed_sealed bytea NOT NULL,
    deed_digest text NOT NULL,
    requested_by text NOT NULL,
    requested_at timestamptz NOT NULL,
    expires_at timestamptz NOT NULL,
    state text NOT NULL,
    decided_by text,
    decided_at timestamptz,
    outcome jsonb,
    CONSTRAINT operations_pk PRIMARY KEY (id),
    CONSTRAINT operations_requester FOREIGN KEY (requested_by) REFERENCES identity.persons (id),
    CONSTRAINT operations_decider FOREIGN KEY (decided_by) REFERENCES identity.persons (id),
    CONSTRAINT operations_state CHECK (state IN ('pending', 'approved', 'rejected')),
    CONSTRAINT operations_two_persons CHECK (state <> 'approved' OR decided_by <> requested_by),
    CONSTRAINT operations_decided CHECK (
        (state = 'pending') = (decided_by IS NULL) AND (state = 'pending') = (decided_at IS NULL))
);
CREATE INDEX operations_by_time ON identity.operations (requested_at);
