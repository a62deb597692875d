-- An amendment waits for its owner's yes; applied, it is the consent's next revision.
CREATE TABLE exchange.amendments (
    id           text        NOT NULL,
    consent_id   text        NOT NULL,
    reference    text        NOT NULL,
    terms        jsonb       NOT NULL,
    shown        jsonb       NOT NULL,
    approval_id  text        NOT NULL,
    words        text        NOT NULL,
    person_ids   text[]      NOT NULL,
    quorum       integer     NOT NULL,
    state        text        NOT NULL,
    requested_at timestamptz NOT NULL,
    ended_at     timestamptz,
    CONSTRAINT amendments_pk PRIMARY KEY (id),
    CONSTRAINT amendments_approval_once UNIQUE (approval_id),
    CONSTRAINT amendments_reference_once UNIQUE (consent_id, reference),
    CONSTRAINT amendments_consent FOREIGN KEY (consent_id) REFERENCES exchange.consents (id),
    CONSTRAINT amendments_state
        CHECK (state IN ('pending', 'applied', 'rejected', 'expired', 'overtaken')),
    CONSTRAINT amendments_ended CHECK ((state = 'pending') = (ended_at IS NULL)),
    CONSTRAINT amendments_quorum CHECK (quorum BETWEEN 1 AND cardinality(person_ids))
);
CREATE UNIQUE INDEX amendments_one_pending ON exchange.amendments (consent_id)
    WHERE state = 'pending';
