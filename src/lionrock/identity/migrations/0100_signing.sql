-- The city's CA, certificates issued, and which approval released which signature. Private keys are
-- in the key store; documents belong to whoever had them signed.

CREATE SCHEMA IF NOT EXISTS identity;

CREATE TABLE identity.signing_authorities (
    id          text        NOT NULL,
    certificate text        NOT NULL,
    created_at  timestamptz NOT NULL,
    CONSTRAINT signing_authorities_pk PRIMARY KEY (id)
);

CREATE TABLE identity.signing_certificates (
    serial      text        NOT NULL,
    kind        text        NOT NULL,
    subject_id  text        NOT NULL,
    certificate text        NOT NULL,
    not_before  timestamptz NOT NULL,
    not_after   timestamptz NOT NULL,
    is_current  boolean     NOT NULL,
    CONSTRAINT signing_certificates_pk PRIMARY KEY (serial),
    CONSTRAINT signing_certificates_kind
        CHECK (kind IN ('person', 'company-seal', 'office-seal')),
    CONSTRAINT signing_certificates_period CHECK (not_before < not_after)
);
CREATE UNIQUE INDEX signing_certificates_one_current
    ON identity.signing_certificates (kind, subject_id) WHERE is_current;

CREATE TABLE identity.signing_signatures (
    approval_id      text        NOT NULL,
    kind             text        NOT NULL,
    subject_id       text        NOT NULL,
    serial           text        NOT NULL,
    mandate_id       text        NOT NULL,
    document_sha256  text        NOT NULL,
    signed_sha256    text        NOT NULL,
    signed_at        timestamptz NOT NULL,
    CONSTRAINT signing_signatures_pk PRIMARY KEY (approval_id),
    CONSTRAINT signing_signatures_serial_fk
        FOREIGN KEY (serial) REFERENCES identity.signing_certificates (serial),
    CONSTRAINT signing_signatures_digests
        CHECK (length(document_sha256) = 64 AND length(signed_sha256) = 64)
);
CREATE INDEX signing_signatures_subject
    ON identity.signing_signatures (kind, subject_id, signed_at);
