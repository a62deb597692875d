-- An operator looks for a payment by whatever name somebody gives it: these find it by each.
CREATE INDEX payments_by_transaction ON payments.payments (transaction_id);
CREATE INDEX payments_by_end_to_end ON payments.payments (end_to_end_id);
CREATE INDEX messages_by_message ON payments.messages (message_id);
