-- An account's transfers are found by pages of ids and no longer by two indexes over the transfers:
-- a step of the projection adds one row for each account and side that it touches, where an index
-- wanted one entry for each transfer, anywhere in a tree that grows with the history.
-- The copy of a long history takes minutes.
SET LOCAL statement_timeout = 0;

CREATE TABLE ledger.account_pages (
    account_id   uuid    NOT NULL,
    is_debit     boolean NOT NULL,
    first_ns     bigint  NOT NULL,
    transfer_ids uuid[]  NOT NULL,
    CONSTRAINT account_pages_pk PRIMARY KEY (account_id, is_debit, first_ns)
);
-- Ids do not compress; trying costs more than storing them.
ALTER TABLE ledger.account_pages ALTER COLUMN transfer_ids SET STORAGE EXTERNAL;

INSERT INTO ledger.account_pages (account_id, is_debit, first_ns, transfer_ids)
    SELECT account_id, is_debit, min(timestamp_ns), array_agg(id ORDER BY timestamp_ns DESC)
    FROM (
        SELECT account_id, is_debit, t.id, t.timestamp_ns, (row_number() OVER (
            PARTITION BY account_id, is_debit ORDER BY t.timestamp_ns) - 1) / 128 AS page
        FROM ledger.transfers AS t
        CROSS JOIN LATERAL (VALUES (t.debit_account_id, true), (t.credit_account_id, false))
            AS side (account_id, is_debit)
    ) AS legs
    GROUP BY account_id, is_debit, page
    ORDER BY account_id, is_debit, 3;

DROP INDEX ledger.transfers_by_debit_account;
DROP INDEX ledger.transfers_by_credit_account;
