-- A message is about a payment or about a thing of a sub-room: a mandate, a request, a recall.
-- Whatever it is has its id here; payment_id stays for what is about a payment.
ALTER TABLE payments.messages ADD COLUMN subject_id text NOT NULL DEFAULT '';
UPDATE payments.messages SET subject_id = payment_id WHERE payment_id IS NOT NULL;
CREATE INDEX messages_of_subject ON payments.messages (subject_id) WHERE subject_id <> '';
