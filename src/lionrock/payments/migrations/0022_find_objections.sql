-- What speaks against taking messages, found in one statement before anything is done about them.
-- `callers`, `kids`, `role`: who brings them, each with the key that he signed with; `nonces`: of
-- their signatures; `senders`, `names`: of messages (MsgId); `initiators`, `transactions`: of new
-- payments (TxId); `uetrs`: of the same.
-- Rows: what it is, and its position (from 1) among those given: a caller that may not act
-- ('fallen'), a nonce that was used, a message, transaction or UETR that there is.
-- The plan is kept while tables grow from nothing to millions: only index look-ups will do.
CREATE FUNCTION payments.find_objections(
    callers text[], kids text[], role text, nonces bytea[], senders text[], names text[],
    initiators text[], transactions text[], uetrs text[]
) RETURNS TABLE (what text, "position" bigint)
LANGUAGE plpgsql STABLE
SET plan_cache_mode = force_generic_plan
SET enable_seqscan = off SET enable_hashjoin = off SET enable_mergejoin = off
AS $$
BEGIN
    RETURN QUERY
    SELECT 'fallen', f FROM directory.fallen_callers(callers, kids, role) AS f
    UNION ALL
    SELECT 'nonce', u FROM kernel.used_values(nonces) AS u
    UNION ALL
    SELECT 'message', g.n FROM unnest(senders, names) WITH ORDINALITY AS g (sender, name, n)
     WHERE EXISTS (SELECT FROM payments.messages m WHERE m.direction = 'in'
                      AND m.organisation_id = g.sender AND m.message_id = g.name
                      AND m.refusal = '')
    UNION ALL
    SELECT 'transaction', g.n
      FROM unnest(initiators, transactions) WITH ORDINALITY AS g (initiator, name, n)
     WHERE EXISTS (SELECT FROM payments.payments p WHERE p.initiator_id = g.initiator
                      AND p.transaction_id = g.name)
    UNION ALL
    SELECT 'uetr', g.n FROM unnest(uetrs) WITH ORDINALITY AS g (uetr, n)
     WHERE EXISTS (SELECT FROM payments.payments p WHERE p.uetr = g.uetr);
END $$;
