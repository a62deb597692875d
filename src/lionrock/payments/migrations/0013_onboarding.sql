-- Participant onboarding: applications, what was said about them, changes, test runs, evidence.

-- Who asks to join. The application holds a person's contact, so it is sealed.
CREATE TABLE payments.candidates (
    id                 text        NOT NULL,
    organisation_id    text        NOT NULL,
    clearing_code      text        NOT NULL,
    state              text        NOT NULL,
    version            integer     NOT NULL,
    asked_by           text        NOT NULL,
    application_digest bytea       NOT NULL,
    sealed_application bytea       NOT NULL,
    limits             jsonb       NOT NULL DEFAULT '{}',
    asked_at           timestamptz NOT NULL,
    changed_at         timestamptz NOT NULL,
    CONSTRAINT candidates_pk PRIMARY KEY (id),
    CONSTRAINT candidates_version CHECK (version > 0),
    CONSTRAINT candidates_state CHECK (state IN (
        'asked', 'returned', 'agreed', 'settings', 'opening', 'testing', 'go_live_asked', 'live',
        'suspended', 'return_asked', 'rejected', 'withdrawn'))
);
CREATE UNIQUE INDEX candidates_organisation_unique ON payments.candidates (organisation_id)
    WHERE state NOT IN ('rejected', 'withdrawn');
CREATE UNIQUE INDEX candidates_code_unique ON payments.candidates (clearing_code)
    WHERE state NOT IN ('rejected', 'withdrawn');
CREATE INDEX candidates_by_change ON payments.candidates (changed_at DESC, id);

-- A key is one organisation's for ever, also that of an application which came to nothing.
CREATE TABLE payments.candidate_keys (
    kid             text NOT NULL,
    organisation_id text NOT NULL,
    CONSTRAINT candidate_keys_pk PRIMARY KEY (kid)
);

-- Append-only: who said what at which step (or about which change), of which version.
CREATE TABLE payments.candidate_words (
    candidate_id text        NOT NULL,
    position     integer     NOT NULL,
    step         text        NOT NULL,
    version      integer     NOT NULL,
    person_id    text        NOT NULL,
    decision     text        NOT NULL,
    reasons      text        NOT NULL,
    at           timestamptz NOT NULL,
    CONSTRAINT candidate_words_pk PRIMARY KEY (candidate_id, position),
    CONSTRAINT candidate_words_candidate FOREIGN KEY (candidate_id)
        REFERENCES payments.candidates (id),
    CONSTRAINT candidate_words_decision CHECK (
        decision IN ('agree', 'return', 'reject', 'suspend'))
);

-- Keys and end points to be changed once the directory has them; one waits at a time.
CREATE TABLE payments.candidate_changes (
    id           text        NOT NULL,
    candidate_id text        NOT NULL,
    kind         text        NOT NULL,
    content      jsonb       NOT NULL,
    state        text        NOT NULL,
    asked_at     timestamptz NOT NULL,
    CONSTRAINT candidate_changes_pk PRIMARY KEY (id),
    CONSTRAINT candidate_changes_candidate FOREIGN KEY (candidate_id)
        REFERENCES payments.candidates (id),
    CONSTRAINT candidate_changes_kind CHECK (kind IN ('add_key', 'retire_key', 'endpoint')),
    CONSTRAINT candidate_changes_state CHECK (state IN ('asked', 'done', 'refused'))
);
CREATE UNIQUE INDEX candidate_changes_one_waits ON payments.candidate_changes (candidate_id)
    WHERE state = 'asked';

-- One run of one test; the fingerprint is of the keys and end point in force when it began.
CREATE TABLE payments.test_runs (
    id           text        NOT NULL,
    candidate_id text        NOT NULL,
    case_name    text        NOT NULL,
    fingerprint  bytea       NOT NULL,
    state        text        NOT NULL,
    came         text        NOT NULL DEFAULT '',
    started_at   timestamptz NOT NULL,
    finished_at  timestamptz,
    CONSTRAINT test_runs_pk PRIMARY KEY (id),
    CONSTRAINT test_runs_candidate FOREIGN KEY (candidate_id) REFERENCES payments.candidates (id),
    CONSTRAINT test_runs_state CHECK (state IN ('running', 'passed', 'failed')),
    CONSTRAINT test_runs_finished CHECK ((state = 'running') = (finished_at IS NULL))
);
CREATE UNIQUE INDEX test_runs_one_under_way ON payments.test_runs (candidate_id, case_name)
    WHERE state = 'running';
CREATE INDEX test_runs_of_candidate
    ON payments.test_runs (candidate_id, case_name, started_at DESC, id DESC);

-- What was sent and what came, verbatim. No payment, message or transfer row is made by a test.
CREATE TABLE payments.test_exchanges (
    run_id       text        NOT NULL,
    position     integer     NOT NULL,
    candidate_id text        NOT NULL,
    direction    text        NOT NULL,
    label        text        NOT NULL,
    definition   text        NOT NULL,
    message_id   text        NOT NULL,
    about        text        NOT NULL DEFAULT '',
    said         text        NOT NULL DEFAULT '',
    uetr         text        NOT NULL DEFAULT '',
    status       integer     NOT NULL DEFAULT 0,
    url          text        NOT NULL DEFAULT '',
    headers      jsonb       NOT NULL DEFAULT '{}',
    sealed_body  bytea       NOT NULL,
    sealed_reply bytea,
    at           timestamptz NOT NULL,
    answered_at  timestamptz,
    CONSTRAINT test_exchanges_pk PRIMARY KEY (run_id, position),
    CONSTRAINT test_exchanges_run FOREIGN KEY (run_id) REFERENCES payments.test_runs (id),
    CONSTRAINT test_exchanges_direction CHECK (direction IN ('out', 'in'))
);
CREATE UNIQUE INDEX test_exchanges_sent_once ON payments.test_exchanges (run_id, label)
    WHERE direction = 'out';
CREATE INDEX test_exchanges_by_message
    ON payments.test_exchanges (candidate_id, message_id) WHERE direction = 'out';
CREATE INDEX test_exchanges_by_uetr
    ON payments.test_exchanges (candidate_id, uetr) WHERE direction = 'in' AND uetr <> '';
