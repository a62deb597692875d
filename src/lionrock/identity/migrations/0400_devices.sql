-- Devices of two kinds (a phone's own key, a passkey), the waiting period of a new one, the proof
-- beside each answer, how persons were authenticated, sign-ins kept quiet, lost-phone recovery.

ALTER TABLE identity.devices
    ADD COLUMN kind text NOT NULL DEFAULT 'key',
    ADD COLUMN credential_id bytea,
    ADD COLUMN sign_count bigint NOT NULL DEFAULT 0,
    ADD COLUMN trusted_from timestamptz,
    ADD COLUMN notice_id text,
    ADD CONSTRAINT devices_kind CHECK (kind IN ('key', 'passkey')),
    ADD CONSTRAINT devices_credential UNIQUE (credential_id),
    ADD CONSTRAINT devices_passkey CHECK ((kind = 'passkey') = (credential_id IS NOT NULL));
UPDATE identity.devices SET trusted_from = enrolled_at;
ALTER TABLE identity.devices ALTER COLUMN trusted_from SET NOT NULL;
CREATE INDEX devices_by_notice ON identity.devices (notice_id) WHERE notice_id IS NOT NULL;

-- The proof of an answer: a JWS of a device key, or a WebAuthn assertion with what it is over.
ALTER TABLE identity.approval_persons RENAME COLUMN jws TO proof;
ALTER TABLE identity.approval_persons
    ADD COLUMN proof_kind text NOT NULL DEFAULT 'jws',
    ADD COLUMN acr text,
    ADD CONSTRAINT approval_persons_proof_kind CHECK (proof_kind IN ('jws', 'webauthn'));

-- Challenges of WebAuthn ceremonies: the hash of a statement, good once and shortly.
CREATE TABLE identity.passkey_challenges (
    challenge bytea NOT NULL,
    purpose text NOT NULL,
    holder_hash bytea NOT NULL,
    statement jsonb NOT NULL,
    expires_at timestamptz NOT NULL,
    CONSTRAINT passkey_challenges_pk PRIMARY KEY (challenge),
    CONSTRAINT passkey_challenges_purpose CHECK (purpose IN ('enrol', 'sign_in', 'answer'))
);
CREATE INDEX passkey_challenges_by_expiry ON identity.passkey_challenges (expires_at);

-- A browser that shows its holder's questions; it can read, but each answer is signed anew.
CREATE TABLE identity.passkey_sessions (
    session_hash bytea NOT NULL,
    device_id text NOT NULL,
    expires_at timestamptz NOT NULL,
    CONSTRAINT passkey_sessions_pk PRIMARY KEY (session_hash),
    CONSTRAINT passkey_sessions_device FOREIGN KEY (device_id) REFERENCES identity.devices (id)
);
CREATE INDEX passkey_sessions_by_expiry ON identity.passkey_sessions (expires_at);

-- Sign-ins of which the phone was not told, because too many were left unanswered. Their holder
-- can fetch them with the code that the sign-in's page shows.
CREATE TABLE identity.quiet_sign_ins (
    sign_in_id text NOT NULL,
    person_id text NOT NULL,
    client_id text NOT NULL,
    service jsonb NOT NULL,
    ask jsonb NOT NULL,
    started_at timestamptz NOT NULL,
    expires_at timestamptz NOT NULL,
    CONSTRAINT quiet_sign_ins_pk PRIMARY KEY (sign_in_id)
);
CREATE INDEX quiet_sign_ins_by_person ON identity.quiet_sign_ins (person_id, started_at);
CREATE INDEX quiet_sign_ins_by_expiry ON identity.quiet_sign_ins (expires_at);

-- How the person of a grant was authenticated; kept as long as anything of the grant may live.
CREATE TABLE identity.authentications (
    grant_id text NOT NULL,
    acr text NOT NULL,
    authenticated_at timestamptz NOT NULL,
    CONSTRAINT authentications_pk PRIMARY KEY (grant_id)
);
CREATE INDEX authentications_by_time ON identity.authentications (authenticated_at);

-- Lost-phone recovery. Without a person it is a decoy, which looks the same from outside.
CREATE TABLE identity.recoveries (
    id text NOT NULL,
    secret_hash bytea NOT NULL,
    subject_key bytea NOT NULL,
    person_id text,
    approval_id text,
    started_at timestamptz NOT NULL,
    ready_at timestamptz NOT NULL,
    expires_at timestamptz NOT NULL,
    ended_at timestamptz,
    is_completed boolean NOT NULL DEFAULT false,
    tries_left integer NOT NULL,
    proven text[] NOT NULL DEFAULT '{}',
    CONSTRAINT recoveries_pk PRIMARY KEY (id),
    CONSTRAINT recoveries_secret UNIQUE (secret_hash),
    CONSTRAINT recoveries_person FOREIGN KEY (person_id) REFERENCES identity.persons (id),
    CONSTRAINT recoveries_tries CHECK (tries_left >= 0),
    CONSTRAINT recoveries_proven CHECK (proven <@ ARRAY['message', 'in_person', 'device'])
);
CREATE INDEX recoveries_by_subject ON identity.recoveries (subject_key, started_at);
CREATE INDEX recoveries_by_approval ON identity.recoveries (approval_id)
    WHERE approval_id IS NOT NULL;

CREATE TABLE identity.recovery_codes (
    code_hash bytea NOT NULL,
    person_id text NOT NULL,
    factor text NOT NULL,
    recovery_id text,
    expires_at timestamptz NOT NULL,
    used_at timestamptz,
    CONSTRAINT recovery_codes_pk PRIMARY KEY (code_hash),
    CONSTRAINT recovery_codes_person FOREIGN KEY (person_id) REFERENCES identity.persons (id),
    CONSTRAINT recovery_codes_factor CHECK (factor IN ('message', 'in_person'))
);

-- Messages to persons, sealed; a carrier (the sandbox's persona page) reads them.
CREATE TABLE identity.messages (
    id text NOT NULL,
    person_id text NOT NULL,
    channel text NOT NULL,
    body_sealed bytea NOT NULL,
    sent_at timestamptz NOT NULL,
    expires_at timestamptz NOT NULL,
    CONSTRAINT messages_pk PRIMARY KEY (id),
    CONSTRAINT messages_person FOREIGN KEY (person_id) REFERENCES identity.persons (id),
    CONSTRAINT messages_channel CHECK (channel IN ('phone', 'email'))
);
CREATE INDEX messages_by_person ON identity.messages (person_id, sent_at);
