-- Organisations, the keys they have and had, and the proposals to change them.
CREATE SCHEMA directory;

CREATE TABLE directory.organisations (
    id            text        NOT NULL,
    names         jsonb       NOT NULL,
    roles         text[]      NOT NULL,
    endpoints     jsonb       NOT NULL,
    status        text        NOT NULL,
    is_simulated  boolean     NOT NULL,
    registered_at timestamptz NOT NULL,
    CONSTRAINT organisations_pk PRIMARY KEY (id),
    CONSTRAINT organisations_status CHECK (status IN ('active', 'suspended'))
);

-- One key belongs to one organisation for ever, also after it was retired: a statement signed with
-- it must never get a second possible author.
CREATE TABLE directory.keys (
    kid             text        NOT NULL,
    organisation_id text        NOT NULL,
    jwk             jsonb       NOT NULL,
    valid_from      timestamptz NOT NULL,
    retired_at      timestamptz,
    CONSTRAINT keys_pk PRIMARY KEY (kid),
    CONSTRAINT keys_organisation FOREIGN KEY (organisation_id)
        REFERENCES directory.organisations (id),
    CONSTRAINT keys_period CHECK (retired_at IS NULL OR retired_at >= valid_from)
);
CREATE INDEX keys_by_organisation ON directory.keys (organisation_id);

CREATE TABLE directory.key_changes (
    id              text        NOT NULL,
    organisation_id text        NOT NULL,
    kind            text        NOT NULL,
    kid             text        NOT NULL,
    jwk             jsonb,
    requested_by    text        NOT NULL,
    requested_at    timestamptz NOT NULL,
    status          text        NOT NULL,
    decided_by      text        NOT NULL,
    decided_at      timestamptz,
    CONSTRAINT key_changes_pk PRIMARY KEY (id),
    CONSTRAINT key_changes_organisation FOREIGN KEY (organisation_id)
        REFERENCES directory.organisations (id),
    CONSTRAINT key_changes_kind CHECK (kind IN ('add', 'retire')),
    CONSTRAINT key_changes_jwk CHECK ((kind = 'add') = (jwk IS NOT NULL)),
    CONSTRAINT key_changes_status CHECK (status IN ('pending', 'approved', 'rejected')),
    CONSTRAINT key_changes_decided CHECK ((status = 'pending') = (decided_at IS NULL)),
    CONSTRAINT key_changes_two_operators CHECK (lower(decided_by) <> lower(requested_by))
);
CREATE UNIQUE INDEX key_changes_one_pending
    ON directory.key_changes (organisation_id, kid) WHERE status = 'pending';
