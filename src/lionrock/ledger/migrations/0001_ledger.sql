-- The journal is the ledger; everything below it is a copy that can be made again.

CREATE SCHEMA ledger;

-- Which writer may commit. Every journal row locks this row; a new writer raises it.
CREATE TABLE ledger.epoch (
    singleton boolean NOT NULL DEFAULT true,
    epoch     bigint  NOT NULL,
    CONSTRAINT epoch_pk PRIMARY KEY (singleton),
    CONSTRAINT epoch_one_row CHECK (singleton)
) WITH (fillfactor = 10);
INSERT INTO ledger.epoch (epoch) VALUES (0);

-- One row a batch. No foreign key and no second index: this is the write path.
CREATE TABLE ledger.journal (
    sequence bigint NOT NULL,
    epoch    bigint NOT NULL,
    time_ns  bigint NOT NULL,
    input    bytea  NOT NULL,
    results  bytea  NOT NULL,
    effects  bytea  NOT NULL,
    hash     bytea  NOT NULL,
    CONSTRAINT journal_pk PRIMARY KEY (sequence),
    CONSTRAINT journal_sequence_positive CHECK (sequence > 0),
    CONSTRAINT journal_hash_sha256 CHECK (octet_length(hash) = 32)
);
-- Compressing a batch costs the single writer more than writing it.
ALTER TABLE ledger.journal ALTER COLUMN input SET STORAGE EXTERNAL;
ALTER TABLE ledger.journal ALTER COLUMN effects SET STORAGE EXTERNAL;

CREATE TABLE ledger.snapshots (
    sequence bigint NOT NULL,
    state    bytea  NOT NULL,
    digest   bytea  NOT NULL,
    CONSTRAINT snapshots_pk PRIMARY KEY (sequence),
    CONSTRAINT snapshots_digest_sha256 CHECK (octet_length(digest) = 32)
);

-- How far the query tables below have copied the journal.
CREATE TABLE ledger.projection (
    singleton boolean NOT NULL DEFAULT true,
    sequence  bigint  NOT NULL,
    until_ns  bigint  NOT NULL,
    CONSTRAINT projection_pk PRIMARY KEY (singleton),
    CONSTRAINT projection_one_row CHECK (singleton)
) WITH (fillfactor = 10);
INSERT INTO ledger.projection (sequence, until_ns) VALUES (0, 0);

CREATE TABLE ledger.accounts (
    id              uuid    NOT NULL,
    ledger          bigint  NOT NULL,
    code            integer NOT NULL,
    flags           integer NOT NULL,
    user_data_128   uuid    NOT NULL,
    user_data_64    numeric(20, 0) NOT NULL,
    user_data_32    bigint  NOT NULL,
    timestamp_ns    bigint  NOT NULL,
    debits_pending  bigint  NOT NULL DEFAULT 0,
    debits_posted   bigint  NOT NULL DEFAULT 0,
    credits_pending bigint  NOT NULL DEFAULT 0,
    credits_posted  bigint  NOT NULL DEFAULT 0,
    sequence        bigint  NOT NULL,
    CONSTRAINT accounts_pk PRIMARY KEY (id),
    CONSTRAINT accounts_sums_not_negative CHECK (
        debits_pending >= 0 AND debits_posted >= 0 AND credits_pending >= 0 AND credits_posted >= 0
    )
) WITH (fillfactor = 70);

CREATE TABLE ledger.transfers (
    id                uuid    NOT NULL,
    debit_account_id  uuid    NOT NULL,
    credit_account_id uuid    NOT NULL,
    amount            bigint  NOT NULL,
    pending_id        uuid    NOT NULL,
    user_data_128     uuid    NOT NULL,
    user_data_64      numeric(20, 0) NOT NULL,
    user_data_32      bigint  NOT NULL,
    timeout           bigint  NOT NULL,
    ledger            bigint  NOT NULL,
    code              integer NOT NULL,
    flags             integer NOT NULL,
    timestamp_ns      bigint  NOT NULL,
    expires_at_ns     bigint  NOT NULL,
    hold_status       smallint,
    sequence          bigint  NOT NULL,
    CONSTRAINT transfers_pk PRIMARY KEY (id),
    CONSTRAINT transfers_amount_not_negative CHECK (amount >= 0),
    CONSTRAINT transfers_hold_status_known CHECK (hold_status BETWEEN 1 AND 4)
) WITH (fillfactor = 90);
CREATE INDEX transfers_by_debit_account ON ledger.transfers (debit_account_id, timestamp_ns);
CREATE INDEX transfers_by_credit_account ON ledger.transfers (credit_account_id, timestamp_ns);
CREATE INDEX transfers_open_holds ON ledger.transfers (expires_at_ns) WHERE hold_status = 1;
CREATE INDEX transfers_expired_holds ON ledger.transfers (expires_at_ns) WHERE hold_status = 4;

-- Ids used up by a transient refusal (id_already_failed).
CREATE TABLE ledger.failed_transfers (
    id           uuid   NOT NULL,
    result       text   NOT NULL,
    timestamp_ns bigint NOT NULL,
    sequence     bigint NOT NULL,
    CONSTRAINT failed_transfers_pk PRIMARY KEY (id)
);

-- Balances after each batch, for accounts opened with the flag `history`.
CREATE TABLE ledger.balances (
    account_id      uuid   NOT NULL,
    sequence        bigint NOT NULL,
    time_ns         bigint NOT NULL,
    debits_pending  bigint NOT NULL,
    debits_posted   bigint NOT NULL,
    credits_pending bigint NOT NULL,
    credits_posted  bigint NOT NULL,
    CONSTRAINT balances_pk PRIMARY KEY (account_id, sequence)
);
