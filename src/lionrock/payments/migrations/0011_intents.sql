-- Government fee intents: what departments ask, what came in for them, and what they give back.

-- Accounts under which a department is paid; found by the keyed hash of bank and number.
CREATE TABLE payments.collection_accounts (
    lookup_key      bytea NOT NULL,
    organisation_id text  NOT NULL,
    participant_id  text  NOT NULL,
    CONSTRAINT collection_accounts_pk PRIMARY KEY (lookup_key)
);
CREATE INDEX collection_accounts_of_participant
    ON payments.collection_accounts (participant_id);

CREATE TABLE payments.intents (
    id            text        NOT NULL,
    state         text        NOT NULL,
    department_id text        NOT NULL,
    reference     text        NOT NULL,
    number        text        NOT NULL,
    link_id       text        NOT NULL,
    draft_digest  bytea       NOT NULL,
    sealed_draft  bytea       NOT NULL,
    currency      text        NOT NULL,
    amount_minor  bigint      NOT NULL,
    due_on        date        NOT NULL,
    created_at    timestamptz NOT NULL,
    payment_id    text,
    paid_at       timestamptz,
    receipt       text        NOT NULL DEFAULT '',
    CONSTRAINT intents_pk PRIMARY KEY (id),
    CONSTRAINT intents_reference_unique UNIQUE (department_id, reference),
    CONSTRAINT intents_number_unique UNIQUE (number),
    CONSTRAINT intents_payment_unique UNIQUE (payment_id),
    CONSTRAINT intents_link_unique UNIQUE (link_id),
    CONSTRAINT intents_link FOREIGN KEY (link_id) REFERENCES payments.links (id),
    CONSTRAINT intents_amount_positive CHECK (amount_minor > 0),
    CONSTRAINT intents_state_known CHECK (state IN ('open', 'paid', 'cancelled')),
    CONSTRAINT intents_paid_whole CHECK (
        (state = 'paid') = (payment_id IS NOT NULL AND paid_at IS NOT NULL AND receipt <> ''))
);

-- Every settled payment to a department's account, with its intent when there is one.
CREATE TABLE payments.fee_collections (
    payment_id      text        NOT NULL,
    organisation_id text        NOT NULL,
    intent_id       text,
    currency        text        NOT NULL,
    amount_minor    bigint      NOT NULL,
    settled_on      date        NOT NULL,
    CONSTRAINT fee_collections_pk PRIMARY KEY (payment_id),
    CONSTRAINT fee_collections_intent FOREIGN KEY (intent_id) REFERENCES payments.intents (id)
);
CREATE INDEX fee_collections_of_day ON payments.fee_collections (organisation_id, settled_on);

-- One account in the ledger for each department and currency, from which refunds are paid; the row
-- of organisation '' is the treasury's, the other side of its funding.
CREATE TABLE payments.refund_accounts (
    organisation_id   text   NOT NULL,
    currency          text   NOT NULL,
    ledger_account_id uuid   NOT NULL,
    single_minor_max  bigint NOT NULL,
    CONSTRAINT refund_accounts_pk PRIMARY KEY (organisation_id, currency),
    CONSTRAINT refund_accounts_ledger_unique UNIQUE (ledger_account_id)
);

CREATE TABLE payments.refunds (
    id            text        NOT NULL,
    state         text        NOT NULL,
    intent_id     text        NOT NULL,
    department_id text        NOT NULL,
    reference     text        NOT NULL,
    amount_minor  bigint      NOT NULL,
    currency      text        NOT NULL,
    reason        text        NOT NULL,
    requested_by  text        NOT NULL,
    decided_by    text        NOT NULL DEFAULT '',
    created_at    timestamptz NOT NULL,
    ordered_on    date,
    payment_id    text,
    reason_code   text        NOT NULL DEFAULT '',
    CONSTRAINT refunds_pk PRIMARY KEY (id),
    CONSTRAINT refunds_reference_unique UNIQUE (department_id, reference),
    CONSTRAINT refunds_intent FOREIGN KEY (intent_id) REFERENCES payments.intents (id),
    CONSTRAINT refunds_amount_positive CHECK (amount_minor > 0),
    CONSTRAINT refunds_state_known CHECK (
        state IN ('waiting', 'ordered', 'paid', 'failed', 'rejected')),
    CONSTRAINT refunds_two_officers CHECK (decided_by <> requested_by),
    CONSTRAINT refunds_payment_when_ordered CHECK (
        (payment_id IS NOT NULL) = (state IN ('ordered', 'paid', 'failed')))
);
CREATE INDEX refunds_of_intent ON payments.refunds (intent_id);
