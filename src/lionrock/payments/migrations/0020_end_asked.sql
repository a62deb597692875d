-- The ends of payments that were sent and are answered now, for a statement that writes everything
-- else about them too. Rows are locked in one order, for others move several at once as well; what
-- was read about the payments before is looked at again under these locks, each look with a
-- snapshot of its own: whoever recalls a payment, or keeps an answer about it, holds its row.
-- `heard`: how many answers (messages of `answers`, a definition each) there were about them;
-- `concerned`: whose end is looked at anew, under these locks, by those who want to hear of it.
CREATE FUNCTION payments.end_asked(
    ids text[], states text[], outcomes text[], codes text[], reasons text[],
    finished timestamptz[], answers text[], heard bigint, concerned text[]
) RETURNS void
LANGUAGE plpgsql VOLATILE
SET plan_cache_mode = force_generic_plan
SET enable_seqscan = off SET enable_hashjoin = off SET enable_mergejoin = off
AS $$
DECLARE
    moved integer;
BEGIN
    PERFORM FROM payments.payments p WHERE p.id = ANY (ids) ORDER BY p.id FOR UPDATE;
    UPDATE payments.payments AS p
       SET state = g.after, outcome = g.outcome, reason_code = g.code, reason_text = g.reason,
           finished_at = g.finished_at
      FROM unnest(ids, states, outcomes, codes, reasons, finished)
        AS g (id, after, outcome, code, reason, finished_at)
     WHERE p.id = g.id AND p.state = 'sent';
    GET DIAGNOSTICS moved = ROW_COUNT;
    PERFORM kernel.insist(moved = cardinality(ids));
    PERFORM kernel.insist(heard = (
        SELECT count(*) FROM payments.messages m
         WHERE m.subject_id = ANY (ids) AND m.subject_id <> '' AND m.refusal = ''
           AND m.direction = 'in' AND m.definition = ANY (answers)));
    PERFORM kernel.insist(NOT EXISTS (
        SELECT FROM payments.recalls r
         WHERE r.payment_id = ANY (ids) AND r.ended_at IS NULL
           AND r.payment_id <> ALL (concerned)));
END $$;
