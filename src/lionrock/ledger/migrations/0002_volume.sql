-- For volume: rows of one width that can be copied in bulk, what a restart needs, and metadata.

-- An unsigned 64-bit value in a signed column: what exceeds 2**63 - 1 is stored less 2**64.
ALTER TABLE ledger.accounts ALTER COLUMN user_data_64 TYPE bigint USING
    (CASE WHEN user_data_64 > 9223372036854775807 THEN user_data_64 - 18446744073709551616
          ELSE user_data_64 END)::bigint;
ALTER TABLE ledger.transfers ALTER COLUMN user_data_64 TYPE bigint USING
    (CASE WHEN user_data_64 > 9223372036854775807 THEN user_data_64 - 18446744073709551616
          ELSE user_data_64 END)::bigint;

-- 0: not a hold.
ALTER TABLE ledger.transfers DROP CONSTRAINT transfers_hold_status_known;
UPDATE ledger.transfers SET hold_status = 0 WHERE hold_status IS NULL;
ALTER TABLE ledger.transfers ALTER COLUMN hold_status SET NOT NULL;
ALTER TABLE ledger.transfers ADD CONSTRAINT transfers_hold_status_known
    CHECK (hold_status BETWEEN 0 AND 4);
CREATE INDEX transfers_by_user_data_128 ON ledger.transfers (user_data_128, timestamp_ns)
    WHERE user_data_128 <> '00000000-0000-0000-0000-000000000000';
-- Time is in order of arrival: a few bytes for each range of pages find any stretch of it.
CREATE INDEX transfers_by_time ON ledger.transfers USING brin (timestamp_ns)
    WITH (autosummarize = on);

-- History is of each event, as TigerBeetle's: one moment an account and timestamp.
ALTER TABLE ledger.balances RENAME COLUMN time_ns TO timestamp_ns;
ALTER TABLE ledger.balances DROP CONSTRAINT balances_pk;
ALTER TABLE ledger.balances ADD CONSTRAINT balances_pk PRIMARY KEY (account_id, timestamp_ns);

-- Hashes of the state after a row; a replay of the journal must come to the same.
CREATE TABLE ledger.checkpoints (
    sequence   bigint NOT NULL,
    state_hash bytea  NOT NULL,
    CONSTRAINT checkpoints_pk PRIMARY KEY (sequence),
    CONSTRAINT checkpoints_hash_sha256 CHECK (octet_length(state_hash) = 32)
);

-- Which ids were archived by an instant, as a filter: saves reading the whole journal at a restart.
CREATE TABLE ledger.seen (
    until_ns    bigint NOT NULL,
    fingerprint text   NOT NULL,
    count       bigint NOT NULL,
    bits        bytea  NOT NULL,
    CONSTRAINT seen_pk PRIMARY KEY (until_ns)
);
ALTER TABLE ledger.seen ALTER COLUMN bits SET STORAGE EXTERNAL;

-- What owners note beside accounts and transfers; never part of a decision about money.
CREATE TABLE ledger.metadata (
    owner   text     NOT NULL,
    kind    text     NOT NULL,
    id      uuid     NOT NULL,
    fields  jsonb    NOT NULL,
    version bigint   NOT NULL,
    CONSTRAINT metadata_pk PRIMARY KEY (kind, id),
    CONSTRAINT metadata_kind_known CHECK (kind IN ('account', 'transfer')),
    CONSTRAINT metadata_fields_object CHECK (jsonb_typeof(fields) = 'object'),
    CONSTRAINT metadata_fields_bounded CHECK (octet_length(fields::text) <= 20000)
);
CREATE INDEX metadata_by_fields ON ledger.metadata USING gin (fields jsonb_path_ops);
