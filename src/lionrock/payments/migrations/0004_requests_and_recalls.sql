-- Returns, recalls and requests to pay.
-- Columns named sealed_* hold personal data, encrypted by the application (payments/sealing.py).

-- What goes back of a settled payment: each return is a payment too. A rejected one counts for
-- nothing.
CREATE TABLE payments.returns (
    payment_id          text   NOT NULL,
    original_payment_id text   NOT NULL,
    amount_minor        bigint NOT NULL,
    state               text   NOT NULL,
    CONSTRAINT returns_pk PRIMARY KEY (payment_id),
    CONSTRAINT returns_payment FOREIGN KEY (payment_id) REFERENCES payments.payments (id),
    CONSTRAINT returns_original FOREIGN KEY (original_payment_id)
        REFERENCES payments.payments (id),
    CONSTRAINT returns_amount_positive CHECK (amount_minor > 0),
    CONSTRAINT returns_state_known CHECK (state IN ('under_way', 'settled', 'rejected'))
);
CREATE INDEX returns_of_original ON payments.returns (original_payment_id);

CREATE TABLE payments.recalls (
    id                  text        NOT NULL,
    state               text        NOT NULL,
    payment_id          text        NOT NULL,
    -- The participant that asks, and its name for the recall (CxlId).
    organisation_id     text        NOT NULL,
    recall_id           text        NOT NULL,
    request_digest      bytea       NOT NULL,
    sealed_request      bytea       NOT NULL,
    asked_organisation_id text      NOT NULL,
    sent_message_id     text        NOT NULL,
    created_at          timestamptz NOT NULL,
    answer_due_at       timestamptz,
    ended_at            timestamptz,
    reason_code         text        NOT NULL,
    CONSTRAINT recalls_pk PRIMARY KEY (id),
    CONSTRAINT recalls_payment FOREIGN KEY (payment_id) REFERENCES payments.payments (id),
    CONSTRAINT recalls_name_unique UNIQUE (organisation_id, recall_id),
    CONSTRAINT recalls_state_known CHECK (state IN (
        'waiting', 'asked', 'pending', 'accepted', 'returned', 'refused', 'cancelled')),
    CONSTRAINT recalls_ended CHECK (
        (ended_at IS NOT NULL) = (state IN ('returned', 'refused', 'cancelled')))
);
-- One recall of a payment at a time.
CREATE UNIQUE INDEX recalls_open_once ON payments.recalls (payment_id) WHERE ended_at IS NULL;

CREATE TABLE payments.requests (
    id                       text        NOT NULL,
    state                    text        NOT NULL,
    creditor_organisation_id text        NOT NULL,
    debtor_organisation_id   text        NOT NULL,
    -- PmtInfId: the creditor's bank's own name for it.
    request_id               text        NOT NULL,
    request_digest           bytea       NOT NULL,
    uetr                     text        NOT NULL,
    currency                 text        NOT NULL,
    amount_minor             bigint      NOT NULL,
    accepted_minor           bigint,
    sealed_request           bytea       NOT NULL,
    asked_message_id         text        NOT NULL,
    sent_message_id          text        NOT NULL,
    created_at               timestamptz NOT NULL,
    expires_at               timestamptz NOT NULL,
    ended_at                 timestamptz,
    payment_id               text,
    reason_code              text        NOT NULL,
    CONSTRAINT requests_pk PRIMARY KEY (id),
    CONSTRAINT requests_name_unique UNIQUE (creditor_organisation_id, request_id),
    CONSTRAINT requests_uetr_unique UNIQUE (uetr),
    CONSTRAINT requests_payment FOREIGN KEY (payment_id) REFERENCES payments.payments (id),
    CONSTRAINT requests_amount_positive CHECK (amount_minor > 0),
    CONSTRAINT requests_state_known CHECK (state IN (
        'asked', 'accepted', 'paying', 'paid', 'refused', 'cancelled', 'expired')),
    CONSTRAINT requests_paid_by CHECK (state NOT IN ('paying', 'paid') OR payment_id IS NOT NULL),
    CONSTRAINT requests_ended CHECK (
        (ended_at IS NOT NULL) = (state IN ('paid', 'refused', 'cancelled', 'expired')))
);
CREATE UNIQUE INDEX requests_of_payment ON payments.requests (payment_id)
    WHERE payment_id IS NOT NULL;
