-- Limits a day; end points that are tried before they are in force; test runs that end.

ALTER TABLE payments.settlement_accounts
    ADD COLUMN daily_minor_max bigint,
    ADD CONSTRAINT settlement_accounts_daily_positive CHECK (daily_minor_max > 0);

-- What a participant has sent on a Hong Kong day, net of what came back; one statement adds to it
-- and looks at the limit, holding the row, so that two payments at once cannot both be the last.
CREATE TABLE payments.daily_sent (
    organisation_id text        NOT NULL,
    currency        text        NOT NULL,
    day             date        NOT NULL,
    sent_minor      bigint      NOT NULL,
    expires_at      timestamptz NOT NULL,
    CONSTRAINT daily_sent_pk PRIMARY KEY (organisation_id, currency, day),
    CONSTRAINT daily_sent_not_negative CHECK (sent_minor >= 0)
);
CREATE INDEX daily_sent_by_end ON payments.daily_sent (expires_at);

-- What was counted, by the payment that it was counted for: a return counts below zero.
CREATE TABLE payments.daily_counted (
    payment_id      text        NOT NULL,
    organisation_id text        NOT NULL,
    currency        text        NOT NULL,
    day             date        NOT NULL,
    amount_minor    bigint      NOT NULL,
    expires_at      timestamptz NOT NULL,
    CONSTRAINT daily_counted_pk PRIMARY KEY (payment_id)
);
CREATE INDEX daily_counted_by_end ON payments.daily_counted (expires_at);

ALTER TABLE payments.candidates ADD COLUMN daily_limits jsonb NOT NULL DEFAULT '{}';

ALTER TABLE payments.candidate_changes
    DROP CONSTRAINT candidate_changes_kind,
    ADD CONSTRAINT candidate_changes_kind
        CHECK (kind IN ('add_key', 'retire_key', 'endpoint', 'limits'));

-- A run against an end point that is not in force belongs to the change that asks for it. A run
-- counts until a newer one of its test begins, or its application ends; some time later it is
-- deleted with its exchanges. The last run of a test has no end.
ALTER TABLE payments.test_runs
    ADD COLUMN change_id text NOT NULL DEFAULT '',
    ADD COLUMN endpoint  text NOT NULL DEFAULT '',
    ADD COLUMN counted_until timestamptz,
    ADD CONSTRAINT test_runs_change CHECK ((change_id = '') = (endpoint = ''));
UPDATE payments.test_runs SET counted_until = finished_at
    WHERE state <> 'running' AND (EXISTS (
        SELECT 1 FROM payments.test_runs AS newer
        WHERE (newer.candidate_id, newer.case_name)
            = (test_runs.candidate_id, test_runs.case_name)
          AND (newer.started_at, newer.id) > (test_runs.started_at, test_runs.id))
    OR EXISTS (
        SELECT 1 FROM payments.candidates
        WHERE candidates.id = test_runs.candidate_id AND state IN ('rejected', 'withdrawn')));
CREATE INDEX test_runs_by_end ON payments.test_runs (counted_until)
    WHERE counted_until IS NOT NULL;

ALTER TABLE payments.test_exchanges
    DROP CONSTRAINT test_exchanges_run,
    ADD CONSTRAINT test_exchanges_run FOREIGN KEY (run_id)
        REFERENCES payments.test_runs (id) ON DELETE CASCADE;
