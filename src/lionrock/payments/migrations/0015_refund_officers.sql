-- Officers who decide refunds of fees: appointed by two operators, asked on their phones.

-- `name` is what the department calls the officer in its own calls; the person is known here alone.
CREATE TABLE payments.refund_officers (
    id              text        NOT NULL,
    organisation_id text        NOT NULL,
    name            text        NOT NULL,
    person_id       text        NOT NULL,
    state           text        NOT NULL,
    asked_by        text        NOT NULL,
    asked_at        timestamptz NOT NULL,
    agreed_by       text        NOT NULL DEFAULT '',
    changed_at      timestamptz NOT NULL,
    CONSTRAINT refund_officers_pk PRIMARY KEY (id),
    CONSTRAINT refund_officers_state_known CHECK (state IN ('asked', 'appointed', 'ended')),
    CONSTRAINT refund_officers_two_operators CHECK (
        asked_by <> agreed_by AND (state <> 'appointed' OR agreed_by <> '')),
    CONSTRAINT refund_officers_not_oneself CHECK (person_id NOT IN (asked_by, agreed_by))
);
-- One name is one person, and one person has one name, while it lasts.
CREATE UNIQUE INDEX refund_officers_name ON payments.refund_officers
    (organisation_id, lower(name)) WHERE state <> 'ended';
CREATE UNIQUE INDEX refund_officers_person ON payments.refund_officers
    (organisation_id, person_id) WHERE state <> 'ended';

-- The question on the officers' phones. Undecided in time a refund lapses; one that cannot be
-- ordered any more when it is agreed to has failed without a payment.
ALTER TABLE payments.refunds ADD COLUMN approval_id text;
ALTER TABLE payments.refunds ADD CONSTRAINT refunds_approval_unique UNIQUE (approval_id);
ALTER TABLE payments.refunds DROP CONSTRAINT refunds_state_known;
ALTER TABLE payments.refunds ADD CONSTRAINT refunds_state_known CHECK (
    state IN ('waiting', 'ordered', 'paid', 'failed', 'rejected', 'lapsed'));
ALTER TABLE payments.refunds DROP CONSTRAINT refunds_payment_when_ordered;
ALTER TABLE payments.refunds ADD CONSTRAINT refunds_payment_when_ordered CHECK (
    CASE WHEN state = 'failed' THEN true
         ELSE (payment_id IS NOT NULL) = (state IN ('ordered', 'paid')) END);
-- The daily report asks for the payments that refunds are.
CREATE INDEX refunds_of_day ON payments.refunds (department_id, ordered_on);
