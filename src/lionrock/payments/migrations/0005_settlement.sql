-- Settlement: liquidity from and to the simulated central institution, low-liquidity alerts, cuts
-- of the ledger with the statements of one cut, and what a reconciliation found.

-- A participant's account at the central institution, which we simulate in our own ledger.
CREATE TABLE payments.central_accounts (
    organisation_id   text    NOT NULL,
    currency          text    NOT NULL,
    ledger_account_id uuid    NOT NULL,
    is_open           boolean NOT NULL DEFAULT false,
    CONSTRAINT central_accounts_pk PRIMARY KEY (organisation_id, currency),
    CONSTRAINT central_accounts_settlement FOREIGN KEY (organisation_id, currency)
        REFERENCES payments.settlement_accounts (organisation_id, currency),
    CONSTRAINT central_accounts_ledger_unique UNIQUE (ledger_account_id)
);

-- The institution's own accounts for each currency: what it has issued, the switch's pool, and the
-- money it lends after hours.
CREATE TABLE payments.central_books (
    currency          text    NOT NULL,
    issue_account_id  uuid    NOT NULL,
    pool_account_id   uuid    NOT NULL,
    repo_account_id   uuid    NOT NULL,
    is_open           boolean NOT NULL DEFAULT false,
    CONSTRAINT central_books_pk PRIMARY KEY (currency)
);

-- The two legs' ids are fixed here before the ledger hears of them.
CREATE TABLE payments.liquidity_transfers (
    id                 text        NOT NULL,
    organisation_id    text        NOT NULL,
    kind               text        NOT NULL,
    currency           text        NOT NULL,
    amount_minor       bigint      NOT NULL,
    central_leg_id     uuid        NOT NULL,
    switch_leg_id      uuid        NOT NULL,
    end_to_end_id      text        NOT NULL,
    transaction_id     text        NOT NULL,
    uetr               text        NOT NULL,
    message_id         text        NOT NULL,
    repaid_id          text        NOT NULL,
    digest             bytea       NOT NULL,
    state              text        NOT NULL,
    reason_code        text        NOT NULL,
    reason_text        text        NOT NULL,
    created_at         timestamptz NOT NULL,
    finished_at        timestamptz,
    CONSTRAINT liquidity_transfers_pk PRIMARY KEY (id),
    CONSTRAINT liquidity_transfers_transaction_unique UNIQUE (organisation_id, transaction_id),
    CONSTRAINT liquidity_transfers_uetr_unique UNIQUE (uetr),
    CONSTRAINT liquidity_transfers_switch_leg_unique UNIQUE (switch_leg_id),
    CONSTRAINT liquidity_transfers_amount_positive CHECK (amount_minor > 0),
    CONSTRAINT liquidity_transfers_kind_known CHECK (kind IN ('in', 'out', 'repo', 'repayment')),
    CONSTRAINT liquidity_transfers_state_known CHECK (state IN ('accepted', 'settled', 'rejected')),
    CONSTRAINT liquidity_transfers_reason CHECK ((reason_code <> '') = (state = 'rejected'))
);

CREATE TABLE payments.central_credits (
    id              text        NOT NULL,
    organisation_id text        NOT NULL,
    currency        text        NOT NULL,
    amount_minor    bigint      NOT NULL,
    recorded_at     timestamptz NOT NULL,
    CONSTRAINT central_credits_pk PRIMARY KEY (id),
    CONSTRAINT central_credits_amount_positive CHECK (amount_minor > 0)
);

-- An alert begins below low_minor and ends at clear_minor, which is higher: it does not flap.
CREATE TABLE payments.liquidity_thresholds (
    organisation_id text        NOT NULL,
    currency        text        NOT NULL,
    low_minor       bigint      NOT NULL,
    clear_minor     bigint      NOT NULL,
    set_at          timestamptz NOT NULL,
    CONSTRAINT liquidity_thresholds_pk PRIMARY KEY (organisation_id, currency),
    CONSTRAINT liquidity_thresholds_account FOREIGN KEY (organisation_id, currency)
        REFERENCES payments.settlement_accounts (organisation_id, currency),
    CONSTRAINT liquidity_thresholds_apart CHECK (0 < low_minor AND low_minor < clear_minor)
);

CREATE TABLE payments.liquidity_alerts (
    id              text        NOT NULL,
    organisation_id text        NOT NULL,
    currency        text        NOT NULL,
    low_minor       bigint      NOT NULL,
    available_minor bigint      NOT NULL,
    raised_at       timestamptz NOT NULL,
    cleared_at      timestamptz,
    CONSTRAINT liquidity_alerts_pk PRIMARY KEY (id)
);
CREATE UNIQUE INDEX liquidity_alerts_one_open
    ON payments.liquidity_alerts (organisation_id, currency) WHERE cleared_at IS NULL;

-- A cut is one row of the ledger's journal: everything up to and including it, in every currency.
CREATE TABLE payments.cuts (
    id              text        NOT NULL,
    number          bigint      NOT NULL,
    business_date   date        NOT NULL,
    marker_id       uuid        NOT NULL,
    created_at      timestamptz NOT NULL,
    state           text        NOT NULL,
    ledger_sequence bigint      NOT NULL,
    after_sequence  bigint      NOT NULL,
    finished_at     timestamptz,
    CONSTRAINT cuts_pk PRIMARY KEY (id),
    CONSTRAINT cuts_number_unique UNIQUE (number),
    CONSTRAINT cuts_business_date_unique UNIQUE (business_date),
    CONSTRAINT cuts_state_known CHECK (state IN ('begun', 'cut', 'stated')),
    CONSTRAINT cuts_sequence_known CHECK ((state = 'begun') = (ledger_sequence = 0))
);

CREATE TABLE payments.statements (
    id                text   NOT NULL,
    cut_id            text   NOT NULL,
    organisation_id   text   NOT NULL,
    currency          text   NOT NULL,
    ledger_account_id uuid   NOT NULL,
    number            bigint NOT NULL,
    state             text   NOT NULL,
    opening_minor     bigint NOT NULL,
    closing_minor     bigint NOT NULL,
    credits_minor     bigint NOT NULL,
    credit_count      bigint NOT NULL,
    debits_minor      bigint NOT NULL,
    debit_count       bigint NOT NULL,
    before_ns         bigint NOT NULL,
    CONSTRAINT statements_pk PRIMARY KEY (id),
    CONSTRAINT statements_cut FOREIGN KEY (cut_id) REFERENCES payments.cuts (id),
    CONSTRAINT statements_once UNIQUE (cut_id, organisation_id, currency),
    CONSTRAINT statements_number_unique UNIQUE (organisation_id, currency, number),
    CONSTRAINT statements_state_known CHECK (state IN ('begun', 'collecting', 'issued', 'differs')),
    CONSTRAINT statements_add_up CHECK (
        state <> 'issued' OR opening_minor + credits_minor - debits_minor = closing_minor)
);

-- Positive amounts are credits, negative ones debits.
CREATE TABLE payments.statement_entries (
    statement_id text   NOT NULL,
    transfer_id  uuid   NOT NULL,
    timestamp_ns bigint NOT NULL,
    amount_minor bigint NOT NULL,
    code         integer NOT NULL,
    CONSTRAINT statement_entries_pk PRIMARY KEY (statement_id, transfer_id),
    CONSTRAINT statement_entries_statement FOREIGN KEY (statement_id)
        REFERENCES payments.statements (id)
);
CREATE INDEX statement_entries_in_order
    ON payments.statement_entries (statement_id, timestamp_ns);
CREATE INDEX statement_entries_by_transfer ON payments.statement_entries (transfer_id);

CREATE TABLE payments.reconciliations (
    cut_id             text        NOT NULL,
    currency           text        NOT NULL,
    entries_checked    bigint      NOT NULL,
    payments_checked   bigint      NOT NULL,
    statements_checked bigint      NOT NULL,
    difference_count   bigint      NOT NULL,
    done_at            timestamptz NOT NULL,
    CONSTRAINT reconciliations_pk PRIMARY KEY (cut_id, currency),
    CONSTRAINT reconciliations_cut FOREIGN KEY (cut_id) REFERENCES payments.cuts (id)
);

CREATE TABLE payments.differences (
    cut_id          text   NOT NULL,
    currency        text   NOT NULL,
    number          bigint NOT NULL,
    kind            text   NOT NULL,
    organisation_id text   NOT NULL,
    subject         text   NOT NULL,
    expected        text   NOT NULL,
    found           text   NOT NULL,
    CONSTRAINT differences_pk PRIMARY KEY (cut_id, currency, number),
    CONSTRAINT differences_reconciliation FOREIGN KEY (cut_id, currency)
        REFERENCES payments.reconciliations (cut_id, currency)
);

CREATE INDEX payments_by_post ON payments.payments (post_id);
CREATE INDEX payments_settled_at ON payments.payments (finished_at) WHERE state = 'settled';
CREATE INDEX fundings_by_transfer ON payments.fundings (right(id, 32));
CREATE INDEX liquidity_transfers_repaid ON payments.liquidity_transfers (repaid_id)
    WHERE repaid_id <> '';
