-- Requests over the back channel (CIBA): a ring (kernel/ring.py), emptied by TRUNCATE.
-- `subject_key` is what questions are counted by; without an approval a request is a decoy or one
-- that the phone was not told of: both look the same to the client. `sealed` holds what a notice
-- needs (auth_req_id, the client's notification token), `delivery` the tokens of a push.
CREATE TABLE identity.ciba_requests (
    id text NOT NULL,
    slot smallint NOT NULL,
    request_hash bytea NOT NULL,
    client_id text NOT NULL,
    mode text NOT NULL,
    scopes text[] NOT NULL,
    acr_values text[] NOT NULL,
    jkt text,
    subject_key bytea NOT NULL,
    person_id text,
    approval_id text,
    interval_s integer NOT NULL,
    started_at timestamptz NOT NULL,
    expires_at timestamptz NOT NULL,
    polled_at timestamptz,
    used_at timestamptz,
    sealed bytea,
    delivery bytea,
    noticed_at timestamptz,
    notice_status integer,
    CONSTRAINT ciba_requests_pk PRIMARY KEY (request_hash, slot),
    CONSTRAINT ciba_requests_mode CHECK (mode IN ('poll', 'ping', 'push')),
    CONSTRAINT ciba_requests_decoy CHECK ((person_id IS NULL) = (approval_id IS NULL)),
    CONSTRAINT ciba_requests_sealed CHECK ((mode = 'poll') = (sealed IS NULL))
) PARTITION BY LIST (slot);

DO $$
BEGIN
    FOR n IN 0..7 LOOP
        EXECUTE format('CREATE TABLE identity.ciba_requests_%s PARTITION OF'
            ' identity.ciba_requests FOR VALUES IN (%s) WITH (autovacuum_enabled = false)', n, n);
    END LOOP;
END $$;

CREATE INDEX ciba_requests_by_id ON identity.ciba_requests (id);
CREATE INDEX ciba_requests_by_subject ON identity.ciba_requests (subject_key, started_at);

-- Whom a pairwise subject names, for an id_token_hint: kept for clients that use CIBA only. The
-- subject is a keyed HMAC and cannot be turned back.
CREATE TABLE identity.hinted_subjects (
    sector text NOT NULL,
    subject text NOT NULL,
    person_id text NOT NULL,
    CONSTRAINT hinted_subjects_pk PRIMARY KEY (sector, subject),
    CONSTRAINT hinted_subjects_person FOREIGN KEY (person_id) REFERENCES identity.persons (id)
);
