-- Revocation of certificates, the time-stamp authority's certificate, levels of signatures, and
-- remote signing: which hashes an approval released to which client.

CREATE TABLE identity.signing_time_stampers (
    id          text        NOT NULL,
    certificate text        NOT NULL,
    created_at  timestamptz NOT NULL,
    CONSTRAINT signing_time_stampers_pk PRIMARY KEY (id)
);

CREATE TABLE identity.signing_revocations (
    serial      text        NOT NULL,
    revoked_at  timestamptz NOT NULL,
    reason      text        NOT NULL,
    revoked_by  text        NOT NULL,
    CONSTRAINT signing_revocations_pk PRIMARY KEY (serial),
    CONSTRAINT signing_revocations_serial_fk
        FOREIGN KEY (serial) REFERENCES identity.signing_certificates (serial),
    CONSTRAINT signing_revocations_reason CHECK (reason IN
        ('key_compromise', 'affiliation_changed', 'superseded', 'cessation_of_operation'))
);

-- `released_at` is business time: mandates are asked as of then. Null for signatures made before
-- the column was there; their approval's decision stands in.
ALTER TABLE identity.signing_signatures
    ADD COLUMN level text NOT NULL DEFAULT 'B-B',
    ADD COLUMN released_at timestamptz,
    ADD CONSTRAINT signing_signatures_level CHECK (level IN ('B-B', 'B-T', 'B-LT', 'B-LTA'));

CREATE TABLE identity.signing_authorizations (
    id             text        NOT NULL,
    approval_id    text        NOT NULL,
    client_id      text        NOT NULL,
    person_id      text        NOT NULL,
    company_id     text,
    kind           text        NOT NULL,
    subject_id     text        NOT NULL,
    is_of_documents boolean    NOT NULL,
    sad_hash       bytea,
    sad_expires_at timestamptz,
    created_at     timestamptz NOT NULL,
    CONSTRAINT signing_authorizations_pk PRIMARY KEY (id),
    CONSTRAINT signing_authorizations_one_approval UNIQUE (approval_id),
    CONSTRAINT signing_authorizations_one_sad UNIQUE (sad_hash),
    CONSTRAINT signing_authorizations_kind CHECK (kind IN ('person', 'company-seal')),
    CONSTRAINT signing_authorizations_sad
        CHECK ((sad_hash IS NULL) = (sad_expires_at IS NULL)
               AND (sad_hash IS NULL OR octet_length(sad_hash) = 32))
);

CREATE TABLE identity.signing_authorized_hashes (
    authorization_id text        NOT NULL,
    position         int         NOT NULL,
    hash             bytea       NOT NULL,
    label            text        NOT NULL,
    serial           text,
    mandate_id       text        NOT NULL DEFAULT '',
    signed_hash      bytea,
    released_at      timestamptz,
    signed_at        timestamptz,
    CONSTRAINT signing_authorized_hashes_pk PRIMARY KEY (authorization_id, position),
    CONSTRAINT signing_authorized_hashes_once UNIQUE (authorization_id, hash),
    CONSTRAINT signing_authorized_hashes_fk FOREIGN KEY (authorization_id)
        REFERENCES identity.signing_authorizations (id),
    CONSTRAINT signing_authorized_hashes_length CHECK (octet_length(hash) = 32),
    CONSTRAINT signing_authorized_hashes_released
        CHECK ((serial IS NULL) = (released_at IS NULL) AND (serial IS NULL) = (signed_at IS NULL))
);
CREATE INDEX signing_authorized_hashes_released_by
    ON identity.signing_authorized_hashes (serial, signed_hash) WHERE signed_hash IS NOT NULL;
