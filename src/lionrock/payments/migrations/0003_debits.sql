-- Kinds and classes of payments, direct-debit authorisations, and what asking for a status costs.
-- Columns named sealed_* hold personal data, encrypted by the application (payments/sealing.py).

-- A payment is a credit transfer, a direct debit or a return. C1 is instant; C2 waits until
-- release_at (wire time). is_recalled: its bank asked for it back before it was sent.
ALTER TABLE payments.payments
    ADD COLUMN kind          text        NOT NULL DEFAULT 'transfer',
    ADD COLUMN service_class text        NOT NULL DEFAULT 'C1',
    ADD COLUMN release_at    timestamptz,
    ADD COLUMN is_recalled   boolean     NOT NULL DEFAULT false,
    ADD CONSTRAINT payments_kind_known CHECK (kind IN ('transfer', 'debit', 'return')),
    ADD CONSTRAINT payments_class_known CHECK (service_class IN ('C1', 'C2'));
-- A debit is named by its TxId, like a transfer that a participant sends, and so is a return.
DROP INDEX payments.payments_order_unique;
CREATE UNIQUE INDEX payments_order_unique ON payments.payments (initiator_id, end_to_end_id)
    WHERE debtor_organisation_id = '' AND kind = 'transfer';

CREATE TABLE payments.mandates (
    id                       text        NOT NULL,
    state                    text        NOT NULL,
    creditor_organisation_id text        NOT NULL,
    debtor_organisation_id   text        NOT NULL,
    -- MndtReqId: the creditor's bank's own name for it.
    request_id               text        NOT NULL,
    request_digest           bytea       NOT NULL,
    terms                    jsonb       NOT NULL,
    -- Other terms that the debtor has not answered yet, and the message that asked for them.
    proposed_terms           jsonb,
    sealed_parties           bytea       NOT NULL,
    asked_message_id         text        NOT NULL,
    sent_message_id          text        NOT NULL,
    created_at               timestamptz NOT NULL,
    answer_due_at            timestamptz,
    ended_at                 timestamptz,
    reason_code              text        NOT NULL,
    CONSTRAINT mandates_pk PRIMARY KEY (id),
    CONSTRAINT mandates_request_unique UNIQUE (creditor_organisation_id, request_id),
    CONSTRAINT mandates_banks_differ CHECK (creditor_organisation_id <> debtor_organisation_id),
    CONSTRAINT mandates_state_known CHECK (
        state IN ('pending', 'active', 'suspended', 'refused', 'cancelled', 'expired')),
    CONSTRAINT mandates_answer_awaited CHECK (
        (answer_due_at IS NOT NULL) = (state = 'pending' OR proposed_terms IS NOT NULL)),
    CONSTRAINT mandates_ended CHECK (
        (ended_at IS NOT NULL) = (state IN ('refused', 'cancelled', 'expired')))
);

-- The direct debits of an authorisation, each one a payment. A rejected one counts for nothing.
CREATE TABLE payments.collections (
    payment_id      text        NOT NULL,
    mandate_id      text        NOT NULL,
    end_to_end_id   text        NOT NULL,
    sequence        text        NOT NULL,
    collection_date date        NOT NULL,
    amount_minor    bigint      NOT NULL,
    state           text        NOT NULL,
    CONSTRAINT collections_pk PRIMARY KEY (payment_id),
    CONSTRAINT collections_payment FOREIGN KEY (payment_id) REFERENCES payments.payments (id),
    CONSTRAINT collections_mandate FOREIGN KEY (mandate_id) REFERENCES payments.mandates (id),
    CONSTRAINT collections_state_known CHECK (state IN ('under_way', 'settled', 'rejected'))
);
-- One collection of a name that counts; after a rejection it may be tried again.
CREATE UNIQUE INDEX collections_once ON payments.collections (mandate_id, end_to_end_id)
    WHERE state <> 'rejected';
CREATE INDEX collections_of_mandate ON payments.collections (mandate_id, collection_date);

-- Status enquiries: how often a participant asked about one payment, and what it may still ask.
CREATE TABLE payments.enquiries (
    payment_id      text    NOT NULL,
    organisation_id text    NOT NULL,
    count           integer NOT NULL,
    CONSTRAINT enquiries_pk PRIMARY KEY (payment_id, organisation_id),
    CONSTRAINT enquiries_payment FOREIGN KEY (payment_id) REFERENCES payments.payments (id)
);
CREATE TABLE payments.enquiry_buckets (
    organisation_id text        NOT NULL,
    tokens          integer     NOT NULL,
    at              timestamptz NOT NULL,
    CONSTRAINT enquiry_buckets_pk PRIMARY KEY (organisation_id)
);
