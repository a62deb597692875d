-- e-CNY-style wallets (simulated): RMB accounts found by mobile number, topped up at a quoted rate.
-- Columns named sealed_* hold personal data, encrypted by the application (payments/sealing.py).
CREATE TABLE payments.wallet_rates (
    operator_id  text        NOT NULL,
    rate_micros  bigint      NOT NULL,
    posted_at    timestamptz NOT NULL,
    CONSTRAINT wallet_rates_pk PRIMARY KEY (operator_id),
    CONSTRAINT wallet_rates_operator FOREIGN KEY (operator_id)
        REFERENCES payments.participants (organisation_id),
    CONSTRAINT wallet_rates_positive CHECK (rate_micros > 0)
);

-- The room account holds what a wallet may still take in: the ledger itself keeps the limit.
CREATE TABLE payments.wallets (
    id                text        NOT NULL,
    operator_id       text        NOT NULL,
    lookup_key        bytea       NOT NULL,
    sealed_mobile     bytea       NOT NULL,
    ledger_account_id uuid        NOT NULL,
    room_account_id   uuid        NOT NULL,
    room_transfer_id  uuid        NOT NULL,
    balance_minor_max bigint      NOT NULL,
    is_open           boolean     NOT NULL,
    opened_at         timestamptz NOT NULL,
    CONSTRAINT wallets_pk PRIMARY KEY (id),
    CONSTRAINT wallets_mobile_unique UNIQUE (lookup_key),
    CONSTRAINT wallets_operator FOREIGN KEY (operator_id)
        REFERENCES payments.participants (organisation_id),
    CONSTRAINT wallets_limit_positive CHECK (balance_minor_max > 0)
);

CREATE TABLE payments.wallet_quotes (
    id              text        NOT NULL,
    wallet_id       text        NOT NULL,
    organisation_id text        NOT NULL,
    amount_minor    bigint      NOT NULL,
    pay_minor       bigint      NOT NULL,
    rate_micros     bigint      NOT NULL,
    made_at         timestamptz NOT NULL,
    expires_at      timestamptz NOT NULL,
    CONSTRAINT wallet_quotes_pk PRIMARY KEY (id),
    CONSTRAINT wallet_quotes_wallet FOREIGN KEY (wallet_id) REFERENCES payments.wallets (id),
    CONSTRAINT wallet_quotes_positive CHECK (amount_minor > 0 AND pay_minor > 0)
);

-- All ids of a chain's legs are fixed here before the ledger hears of them. pay_* is the HKD leg of
-- a top-up; a payment has none.
CREATE TABLE payments.wallet_movements (
    id              text        NOT NULL,
    kind            text        NOT NULL,
    wallet_id       text        NOT NULL,
    organisation_id text        NOT NULL,
    quote_id        text,
    amount_minor    bigint      NOT NULL,
    pay_minor       bigint      NOT NULL,
    pay_leg_id      uuid        NOT NULL,
    wallet_leg_id   uuid        NOT NULL,
    room_leg_id     uuid        NOT NULL,
    end_to_end_id   text        NOT NULL,
    sealed_party    bytea       NOT NULL,
    digest          bytea       NOT NULL,
    counterpart_id  text        NOT NULL,
    state           text        NOT NULL,
    reason_code     text        NOT NULL,
    created_at      timestamptz NOT NULL,
    finished_at     timestamptz,
    CONSTRAINT wallet_movements_pk PRIMARY KEY (id),
    CONSTRAINT wallet_movements_name_unique UNIQUE (organisation_id, end_to_end_id),
    CONSTRAINT wallet_movements_quote_once UNIQUE (quote_id),
    CONSTRAINT wallet_movements_wallet FOREIGN KEY (wallet_id) REFERENCES payments.wallets (id),
    CONSTRAINT wallet_movements_quote FOREIGN KEY (quote_id)
        REFERENCES payments.wallet_quotes (id),
    CONSTRAINT wallet_movements_kind_known CHECK (kind IN ('top_up', 'payment')),
    CONSTRAINT wallet_movements_quoted CHECK ((quote_id IS NOT NULL) = (kind = 'top_up')),
    CONSTRAINT wallet_movements_state_known CHECK (state IN ('accepted', 'settled', 'rejected')),
    CONSTRAINT wallet_movements_reason CHECK ((reason_code <> '') = (state = 'rejected')),
    CONSTRAINT wallet_movements_positive CHECK (amount_minor > 0 AND pay_minor >= 0)
);
CREATE INDEX wallet_movements_by_wallet_leg ON payments.wallet_movements (wallet_leg_id);
CREATE INDEX wallet_movements_by_pay_leg ON payments.wallet_movements (pay_leg_id);
CREATE INDEX wallet_movements_settled_at ON payments.wallet_movements (finished_at)
    WHERE state = 'settled';
