-- Consents and their chain of signed revisions, leases, fetches, and who offers which product.
CREATE SCHEMA exchange;

CREATE TABLE exchange.offers (
    provider        text        NOT NULL,
    product         text        NOT NULL,
    product_version integer     NOT NULL,
    offered_at      timestamptz NOT NULL,
    CONSTRAINT offers_pk PRIMARY KEY (provider, product, product_version),
    CONSTRAINT offers_version_positive CHECK (product_version >= 1)
);

CREATE TABLE exchange.consents (
    id              text        NOT NULL,
    owner_kind      text        NOT NULL,
    owner_id        text        NOT NULL,
    granted_by      text[]      NOT NULL,
    quorum          integer     NOT NULL,
    provider        text        NOT NULL,
    consumer        text        NOT NULL,
    terms           jsonb       NOT NULL,
    shown           jsonb       NOT NULL,
    approval_id     text        NOT NULL,
    words           text        NOT NULL,
    reference       text        NOT NULL,
    status          text        NOT NULL,
    revision        integer     NOT NULL,
    requested_at    timestamptz NOT NULL,
    expires_at      timestamptz NOT NULL,
    changed_at      timestamptz NOT NULL,
    ended_by        text,
    acknowledged_at timestamptz,
    CONSTRAINT consents_pk PRIMARY KEY (id),
    CONSTRAINT consents_approval_once UNIQUE (approval_id),
    CONSTRAINT consents_reference_once UNIQUE (consumer, reference),
    CONSTRAINT consents_owner_kind CHECK (owner_kind IN ('company', 'person')),
    CONSTRAINT consents_status
        CHECK (status IN ('pending', 'active', 'revoked', 'expired', 'rejected')),
    CONSTRAINT consents_revision_positive CHECK (revision >= 1),
    CONSTRAINT consents_quorum CHECK (quorum BETWEEN 1 AND cardinality(granted_by)),
    CONSTRAINT consents_parties_differ CHECK (provider <> consumer),
    CONSTRAINT consents_acknowledged_when_revoked
        CHECK (acknowledged_at IS NULL OR status = 'revoked')
);
CREATE INDEX consents_by_owner ON exchange.consents (owner_kind, owner_id, requested_at DESC);

CREATE TABLE exchange.revisions (
    consent_id  text        NOT NULL,
    revision    integer     NOT NULL,
    status      text        NOT NULL,
    at          timestamptz NOT NULL,
    artefact    text        NOT NULL,
    sha256      text        NOT NULL,
    predecessor text,
    CONSTRAINT revisions_pk PRIMARY KEY (consent_id, revision),
    CONSTRAINT revisions_consent FOREIGN KEY (consent_id) REFERENCES exchange.consents (id),
    CONSTRAINT revisions_first_has_no_predecessor
        CHECK ((revision = 1) = (predecessor IS NULL))
);

CREATE TABLE exchange.leases (
    consent_id text        NOT NULL,
    holder     text        NOT NULL,
    runs_until timestamptz NOT NULL,
    CONSTRAINT leases_pk PRIMARY KEY (consent_id, holder),
    CONSTRAINT leases_consent FOREIGN KEY (consent_id) REFERENCES exchange.consents (id)
);

-- A fetch by a consumer that the platform hosts. `session_key` is the private half of the session's
-- key, encrypted to the consumer's own key; erasing it makes the kept delivery unreadable.
CREATE TABLE exchange.fetches (
    id             text        NOT NULL,
    consent_id     text        NOT NULL,
    consumer       text        NOT NULL,
    reference      text        NOT NULL,
    request        text        NOT NULL,
    session_kid    text        NOT NULL,
    session_key    text,
    state          text        NOT NULL,
    refusal        text,
    refusal_detail text,
    delivery       text,
    request_sha256 text,
    delivery_sha256 text,
    receipt_id     text,
    intended_at    timestamptz NOT NULL,
    ended_at       timestamptz,
    CONSTRAINT fetches_pk PRIMARY KEY (id),
    CONSTRAINT fetches_reference_once UNIQUE (consent_id, reference),
    CONSTRAINT fetches_consent FOREIGN KEY (consent_id) REFERENCES exchange.consents (id),
    CONSTRAINT fetches_state CHECK (state IN ('intended', 'delivered', 'refused', 'erased')),
    CONSTRAINT fetches_delivered_is_whole CHECK (
        state <> 'delivered'
        OR (delivery IS NOT NULL AND session_key IS NOT NULL AND receipt_id IS NOT NULL)
    ),
    CONSTRAINT fetches_erased_is_empty
        CHECK (state <> 'erased' OR (delivery IS NULL AND session_key IS NULL))
);
CREATE INDEX fetches_by_consent ON exchange.fetches (consent_id, intended_at);
