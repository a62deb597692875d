-- Cases: applications, their documents, what people said about them, awards, payouts, history.
-- Amounts are minor units of HKD. Money itself is in the ledger; here are its ids and outcomes.

CREATE SCHEMA IF NOT EXISTS programmes;

CREATE TABLE programmes.cases (
    id            text        NOT NULL,
    programme_id  text        NOT NULL,
    company_id    text        NOT NULL,
    applicant_id  text        NOT NULL,
    language      text        NOT NULL,
    state         text        NOT NULL,
    parties       jsonb       NOT NULL,
    proposal      jsonb       NOT NULL,
    facts         jsonb       NOT NULL,
    judgement     jsonb       NOT NULL,
    created_at    timestamptz NOT NULL,
    submitted_at  timestamptz,
    CONSTRAINT cases_pk PRIMARY KEY (id),
    CONSTRAINT cases_language CHECK (language IN ('en', 'zh-Hant', 'zh-Hans')),
    CONSTRAINT cases_state CHECK (state IN (
        'draft', 'submitted', 'screened_out', 'in_assessment', 'assessed', 'declined',
        'committing', 'award_refused', 'awarded', 'agreed', 'completed', 'withdrawn'))
);
CREATE INDEX cases_by_company ON programmes.cases (company_id, id);
CREATE INDEX cases_by_state ON programmes.cases (state, id);

CREATE TABLE programmes.case_documents (
    case_id    text        NOT NULL,
    kind       text        NOT NULL,
    version    integer     NOT NULL,
    sha256     text        NOT NULL,
    content    bytea       NOT NULL,
    signed_by  text[]      NOT NULL,
    created_at timestamptz NOT NULL,
    CONSTRAINT case_documents_pk PRIMARY KEY (case_id, kind, version),
    CONSTRAINT case_documents_case FOREIGN KEY (case_id) REFERENCES programmes.cases (id),
    CONSTRAINT case_documents_kind CHECK (kind IN ('application', 'agreement')),
    CONSTRAINT case_documents_digest CHECK (sha256 = encode(sha256(content), 'hex'))
);

CREATE TABLE programmes.case_signature_requests (
    approval_id     text        NOT NULL,
    case_id         text        NOT NULL,
    document        text        NOT NULL,
    party           text        NOT NULL,
    person_id       text        NOT NULL,
    document_sha256 text        NOT NULL,
    state           text        NOT NULL,
    reason          text        NOT NULL,
    asked_at        timestamptz NOT NULL,
    CONSTRAINT case_signature_requests_pk PRIMARY KEY (approval_id),
    CONSTRAINT case_signature_requests_case
        FOREIGN KEY (case_id) REFERENCES programmes.cases (id),
    CONSTRAINT case_signature_requests_state CHECK (state IN ('asked', 'signed', 'refused'))
);
-- One open question at a time for each document: two phones must not race for one signature.
CREATE UNIQUE INDEX case_signature_requests_one_open
    ON programmes.case_signature_requests (case_id, document) WHERE state = 'asked';

CREATE TABLE programmes.case_conflicts (
    case_id     text        NOT NULL,
    person_id   text        NOT NULL,
    declaration text        NOT NULL,
    at          timestamptz NOT NULL,
    CONSTRAINT case_conflicts_pk PRIMARY KEY (case_id, person_id),
    CONSTRAINT case_conflicts_case FOREIGN KEY (case_id) REFERENCES programmes.cases (id)
);

CREATE TABLE programmes.case_assessments (
    case_id        text        NOT NULL,
    assessor_id    text        NOT NULL,
    marks          jsonb       NOT NULL,
    recommendation text        NOT NULL,
    comment        text        NOT NULL,
    declaration    text        NOT NULL,
    at             timestamptz NOT NULL,
    CONSTRAINT case_assessments_pk PRIMARY KEY (case_id, assessor_id),
    CONSTRAINT case_assessments_case FOREIGN KEY (case_id) REFERENCES programmes.cases (id),
    CONSTRAINT case_assessments_recommendation CHECK (recommendation IN ('support', 'reject'))
);

CREATE TABLE programmes.case_decisions (
    case_id      text        NOT NULL,
    attempt      integer     NOT NULL,
    chair_id     text        NOT NULL,
    outcome      text        NOT NULL,
    amount_minor bigint      NOT NULL,
    reasons      text        NOT NULL,
    at           timestamptz NOT NULL,
    CONSTRAINT case_decisions_pk PRIMARY KEY (case_id, attempt),
    CONSTRAINT case_decisions_case FOREIGN KEY (case_id) REFERENCES programmes.cases (id),
    CONSTRAINT case_decisions_outcome CHECK (outcome IN ('approve', 'decline')),
    CONSTRAINT case_decisions_amount CHECK ((outcome = 'approve') = (amount_minor > 0))
);

CREATE TABLE programmes.case_budgets (
    programme_id      text        NOT NULL,
    account_id        text        NOT NULL,
    source_account_id text        NOT NULL,
    created_at        timestamptz NOT NULL,
    CONSTRAINT case_budgets_pk PRIMARY KEY (programme_id)
);

CREATE TABLE programmes.case_fundings (
    id           text        NOT NULL,
    programme_id text        NOT NULL,
    reference    text        NOT NULL,
    amount_minor bigint      NOT NULL,
    result       text        NOT NULL,
    created_at   timestamptz NOT NULL,
    CONSTRAINT case_fundings_pk PRIMARY KEY (id),
    CONSTRAINT case_fundings_reference UNIQUE (programme_id, reference),
    CONSTRAINT case_fundings_budget
        FOREIGN KEY (programme_id) REFERENCES programmes.case_budgets (programme_id),
    CONSTRAINT case_fundings_amount CHECK (amount_minor > 0)
);

-- The id is also the ledger transfer's: fixed here before the ledger hears of it.
CREATE TABLE programmes.case_awards (
    id              text        NOT NULL,
    case_id         text        NOT NULL,
    account_id      text        NOT NULL,
    amount_minor    bigint      NOT NULL,
    state           text        NOT NULL,
    result          text        NOT NULL,
    ledger_sequence bigint      NOT NULL,
    decided_at      timestamptz NOT NULL,
    posted_at       timestamptz,
    CONSTRAINT case_awards_pk PRIMARY KEY (id),
    CONSTRAINT case_awards_case FOREIGN KEY (case_id) REFERENCES programmes.cases (id),
    CONSTRAINT case_awards_amount CHECK (amount_minor > 0),
    CONSTRAINT case_awards_state CHECK (state IN ('committing', 'posted', 'refused')),
    CONSTRAINT case_awards_posted CHECK ((state = 'posted') = (posted_at IS NOT NULL))
);
CREATE UNIQUE INDEX case_awards_one_standing
    ON programmes.case_awards (case_id) WHERE state <> 'refused';
CREATE INDEX case_awards_register ON programmes.case_awards (id) WHERE state = 'posted';

CREATE TABLE programmes.case_payouts (
    id           text        NOT NULL,
    case_id      text        NOT NULL,
    milestone    integer     NOT NULL,
    amount_minor bigint      NOT NULL,
    state        text        NOT NULL,
    report       text        NOT NULL,
    claimed_by   text        NOT NULL,
    claimed_at   timestamptz NOT NULL,
    attempt      integer     NOT NULL,
    payment_id   text        NOT NULL,
    released_by  text        NOT NULL,
    reason_code  text        NOT NULL,
    paid_at      timestamptz,
    CONSTRAINT case_payouts_pk PRIMARY KEY (id),
    CONSTRAINT case_payouts_case FOREIGN KEY (case_id) REFERENCES programmes.cases (id),
    CONSTRAINT case_payouts_milestone_once UNIQUE (case_id, milestone),
    CONSTRAINT case_payouts_amount CHECK (amount_minor > 0),
    CONSTRAINT case_payouts_state CHECK (state IN ('claimed', 'released', 'paid', 'failed')),
    CONSTRAINT case_payouts_paid CHECK ((state = 'paid') = (paid_at IS NOT NULL))
);

CREATE TABLE programmes.case_history (
    case_id    text        NOT NULL,
    number     integer     NOT NULL,
    kind       text        NOT NULL,
    state      text        NOT NULL,
    actor_id   text        NOT NULL,
    receipt_id text        NOT NULL,
    at         timestamptz NOT NULL,
    CONSTRAINT case_history_pk PRIMARY KEY (case_id, number),
    CONSTRAINT case_history_case FOREIGN KEY (case_id) REFERENCES programmes.cases (id)
);
