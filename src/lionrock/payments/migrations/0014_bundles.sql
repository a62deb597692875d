-- Whether a participant takes many messages in one exchange (domain/bundles.py).
ALTER TABLE payments.participants ADD COLUMN takes_bundles boolean NOT NULL DEFAULT false;

-- A payment's row is written once and changed three times. None of these changes but the last may
-- touch a column that an index names, in its condition either: then nothing is written to the ten
-- indexes, if there is room for the new row on the page of the old one.
DROP INDEX payments.payments_settled_at;
CREATE INDEX payments_finished_at ON payments.payments (finished_at)
    WHERE finished_at IS NOT NULL;
ALTER TABLE payments.payments SET (fillfactor = 60);
