-- A message's row is large and is written once. That its receiver took it is a row of its own: to
-- note it in the message wrote all of that again, and all of its index entries.
CREATE TABLE payments.deliveries (
    message_id   text        NOT NULL,
    delivered_at timestamptz NOT NULL,
    CONSTRAINT deliveries_pk PRIMARY KEY (message_id)
);
INSERT INTO payments.deliveries (message_id, delivered_at)
SELECT id, delivered_at FROM payments.messages WHERE delivered_at IS NOT NULL;
-- Payments are never deleted and a message is written in a transaction that holds its payment, so
-- nothing can break the reference that was looked up for each row.
ALTER TABLE payments.messages DROP COLUMN delivered_at, DROP CONSTRAINT messages_payment;

-- One index where there were two: with the name first it also finds by name alone. A payment's
-- messages are found as its subject's.
DROP INDEX payments.messages_once;
DROP INDEX payments.messages_by_message;
DROP INDEX payments.messages_of_payment;
CREATE UNIQUE INDEX messages_once ON payments.messages (message_id, organisation_id, direction)
    WHERE refusal = '';
CREATE INDEX messages_refused ON payments.messages (message_id) WHERE refusal <> '';
ALTER TABLE payments.payments
    DROP CONSTRAINT payments_transaction_unique,
    ADD CONSTRAINT payments_transaction_unique UNIQUE (transaction_id, initiator_id);
DROP INDEX payments.payments_by_transaction;
