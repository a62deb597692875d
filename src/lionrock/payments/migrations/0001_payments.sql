-- The switch: participants, the register of proxies, payments, and every message verbatim.
-- Columns named sealed_* hold personal data, encrypted by the application (payments/sealing.py).
CREATE SCHEMA payments;

CREATE TABLE payments.participants (
    organisation_id text        NOT NULL,
    clearing_code   text        NOT NULL,
    enrolled_at     timestamptz NOT NULL,
    CONSTRAINT participants_pk PRIMARY KEY (organisation_id),
    CONSTRAINT participants_clearing_code_unique UNIQUE (clearing_code),
    CONSTRAINT participants_clearing_code_form CHECK (clearing_code ~ '^[0-9A-Z]{3,11}$')
);

-- One account in the ledger for each participant and currency. `is_open` is set when the ledger
-- has said so.
CREATE TABLE payments.settlement_accounts (
    organisation_id   text    NOT NULL,
    currency          text    NOT NULL,
    ledger_account_id uuid    NOT NULL,
    payment_minor_max bigint,
    is_open           boolean NOT NULL DEFAULT false,
    CONSTRAINT settlement_accounts_pk PRIMARY KEY (organisation_id, currency),
    CONSTRAINT settlement_accounts_participant FOREIGN KEY (organisation_id)
        REFERENCES payments.participants (organisation_id),
    CONSTRAINT settlement_accounts_ledger_unique UNIQUE (ledger_account_id),
    CONSTRAINT settlement_accounts_limit_positive CHECK (payment_minor_max > 0)
);

-- The other side of money that comes in and goes out of the switch, one account for each currency.
CREATE TABLE payments.reserve_accounts (
    currency          text NOT NULL,
    ledger_account_id uuid NOT NULL,
    CONSTRAINT reserve_accounts_pk PRIMARY KEY (currency)
);

CREATE TABLE payments.fundings (
    id              text        NOT NULL,
    organisation_id text        NOT NULL,
    currency        text        NOT NULL,
    amount_minor    bigint      NOT NULL,
    recorded_at     timestamptz NOT NULL,
    CONSTRAINT fundings_pk PRIMARY KEY (id),
    CONSTRAINT fundings_amount_positive CHECK (amount_minor > 0)
);

CREATE TABLE payments.proxies (
    lookup_key      bytea       NOT NULL,
    kind            text        NOT NULL,
    organisation_id text        NOT NULL,
    currencies      text[]      NOT NULL,
    sealed_target   bytea       NOT NULL,
    registered_at   timestamptz NOT NULL,
    CONSTRAINT proxies_pk PRIMARY KEY (lookup_key),
    CONSTRAINT proxies_kind_known CHECK (kind IN ('mobile', 'email')),
    CONSTRAINT proxies_participant FOREIGN KEY (organisation_id)
        REFERENCES payments.participants (organisation_id)
);

CREATE TABLE payments.lookup_buckets (
    organisation_id text        NOT NULL,
    tokens          integer     NOT NULL,
    at              timestamptz NOT NULL,
    CONSTRAINT lookup_buckets_pk PRIMARY KEY (organisation_id)
);

-- The ledger's ids are fixed here before the ledger hears of them, so that a repeat is the same.
CREATE TABLE payments.payments (
    id                       text        NOT NULL,
    state                    text        NOT NULL,
    initiator_id             text        NOT NULL,
    reference                text        NOT NULL,
    reference_ids            jsonb       NOT NULL,
    debtor_organisation_id   text        NOT NULL,
    creditor_organisation_id text        NOT NULL,
    end_to_end_id            text        NOT NULL,
    transaction_id           text        NOT NULL,
    uetr                     text        NOT NULL,
    currency                 text        NOT NULL,
    amount_minor             bigint      NOT NULL,
    sealed_parties           bytea       NOT NULL,
    debit_account_id         uuid        NOT NULL,
    credit_account_id        uuid        NOT NULL,
    hold_id                  uuid        NOT NULL,
    post_id                  uuid        NOT NULL,
    void_id                  uuid        NOT NULL,
    settlement_date          date        NOT NULL,
    created_at               timestamptz NOT NULL,
    order_digest             bytea       NOT NULL,
    outcome                  text        NOT NULL,
    reason_code              text        NOT NULL,
    reason_text              text        NOT NULL,
    deadline_at              timestamptz,
    finished_at              timestamptz,
    original_message_id      text        NOT NULL,
    sent_message_id          text        NOT NULL,
    CONSTRAINT payments_pk PRIMARY KEY (id),
    CONSTRAINT payments_uetr_unique UNIQUE (uetr),
    CONSTRAINT payments_transaction_unique UNIQUE (initiator_id, transaction_id),
    CONSTRAINT payments_hold_unique UNIQUE (hold_id),
    CONSTRAINT payments_amount_positive CHECK (amount_minor > 0),
    CONSTRAINT payments_state_known CHECK (
        state IN ('accepted', 'held', 'sent', 'answered', 'settled', 'rejected')),
    CONSTRAINT payments_outcome_decided CHECK (
        CASE state
            WHEN 'answered' THEN outcome IN ('accept', 'reject')
            WHEN 'settled'  THEN outcome = 'accept'
            WHEN 'rejected' THEN outcome = 'reject'
            ELSE outcome = ''
        END),
    CONSTRAINT payments_reason_of_rejection CHECK ((reason_code <> '') = (outcome = 'reject'))
);
-- An order is named by its initiator; a transfer that a participant sends has its TxId instead.
CREATE UNIQUE INDEX payments_order_unique ON payments.payments (initiator_id, end_to_end_id)
    WHERE debtor_organisation_id = '';

CREATE TABLE payments.messages (
    id              text        NOT NULL,
    payment_id      text,
    direction       text        NOT NULL,
    organisation_id text        NOT NULL,
    definition      text        NOT NULL,
    message_id      text        NOT NULL,
    digest          bytea       NOT NULL,
    sealed_content  bytea       NOT NULL,
    refusal         text        NOT NULL,
    is_outcome      boolean     NOT NULL,
    recorded_at     timestamptz NOT NULL,
    delivered_at    timestamptz,
    CONSTRAINT messages_pk PRIMARY KEY (id),
    CONSTRAINT messages_payment FOREIGN KEY (payment_id) REFERENCES payments.payments (id),
    CONSTRAINT messages_direction_known CHECK (direction IN ('in', 'out'))
);
CREATE UNIQUE INDEX messages_once ON payments.messages (direction, organisation_id, message_id)
    WHERE refusal = '';
-- A participant is told the outcome of a payment in one message, however often it is sent.
CREATE UNIQUE INDEX messages_outcome_once ON payments.messages (payment_id, organisation_id)
    WHERE is_outcome;
CREATE INDEX messages_of_payment ON payments.messages (payment_id);
