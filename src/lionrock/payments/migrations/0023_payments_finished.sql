-- A payment's row is written once and changed once, when it ends; days are read by that instant.
-- An index of ranges of pages finds them, rows being written in the order of time, and lets the
-- change stay on its page: nothing is written to the seven other indexes.
DROP INDEX payments.payments_finished_at;
CREATE INDEX payments_finished_at ON payments.payments USING brin (finished_at)
    WITH (autosummarize = on);
