-- The directory of services, and how companies' services come on.

CREATE TABLE identity.services (
    id text NOT NULL,
    listing jsonb NOT NULL,
    category text NOT NULL,
    audience text NOT NULL,
    sign_in text NOT NULL,
    status text NOT NULL,
    client_id text,
    searched text NOT NULL,
    sort_name text NOT NULL,
    listed_at timestamptz NOT NULL,
    CONSTRAINT services_pk PRIMARY KEY (id),
    CONSTRAINT services_client FOREIGN KEY (client_id) REFERENCES identity.clients (id),
    CONSTRAINT services_audience CHECK (audience IN ('persons', 'companies', 'both')),
    CONSTRAINT services_sign_in CHECK (sign_in IN ('none', 'lionrock', 'own')),
    CONSTRAINT services_status CHECK (status IN ('live', 'retired')),
    CONSTRAINT services_client_signs_in CHECK ((sign_in = 'lionrock') = (client_id IS NOT NULL))
);
CREATE INDEX services_by_name ON identity.services (sort_name, id) WHERE status = 'live';

CREATE TABLE identity.onboardings (
    id text NOT NULL,
    company_id text NOT NULL,
    requested_by text NOT NULL,
    draft jsonb NOT NULL,
    state text NOT NULL,
    version integer NOT NULL,
    client_id text NOT NULL,
    tests text[] NOT NULL DEFAULT '{}',
    created_at timestamptz NOT NULL,
    changed_at timestamptz NOT NULL,
    CONSTRAINT onboardings_pk PRIMARY KEY (id),
    CONSTRAINT onboardings_client UNIQUE (client_id),
    CONSTRAINT onboardings_company FOREIGN KEY (company_id) REFERENCES identity.companies (id),
    CONSTRAINT onboardings_person FOREIGN KEY (requested_by) REFERENCES identity.persons (id),
    CONSTRAINT onboardings_version CHECK (version > 0),
    CONSTRAINT onboardings_state CHECK (state IN
        ('draft', 'submitted', 'testing', 'go_live_asked', 'live', 'withdrawn'))
);
CREATE INDEX onboardings_by_company ON identity.onboardings (company_id, created_at);
CREATE INDEX onboardings_waiting ON identity.onboardings (changed_at)
    WHERE state IN ('submitted', 'go_live_asked');

-- Append-only: who said what of which version at which step.
CREATE TABLE identity.onboarding_reviews (
    onboarding_id text NOT NULL,
    step text NOT NULL,
    version integer NOT NULL,
    person_id text NOT NULL,
    decision text NOT NULL,
    reasons text NOT NULL,
    at timestamptz NOT NULL,
    CONSTRAINT onboarding_reviews_pk PRIMARY KEY (onboarding_id, step, version, person_id),
    CONSTRAINT onboarding_reviews_onboarding FOREIGN KEY (onboarding_id)
        REFERENCES identity.onboardings (id),
    CONSTRAINT onboarding_reviews_person FOREIGN KEY (person_id)
        REFERENCES identity.persons (id),
    CONSTRAINT onboarding_reviews_decision CHECK (decision IN ('agree', 'return'))
);
