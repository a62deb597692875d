-- Functions that a statement of many rows calls (kernel.gathered).

-- Undoes the whole statement where something is not as it was when the statement was made.
CREATE FUNCTION kernel.insist(is_so boolean) RETURNS void
LANGUAGE plpgsql VOLATILE AS $$
BEGIN
    IF is_so IS NOT TRUE THEN
        RAISE EXCEPTION 'something is not as it was found' USING ERRCODE = 'LR001';
    END IF;
END $$;

-- Deletes jobs whose work is done.
CREATE FUNCTION kernel.end_jobs(queues text[], keys text[]) RETURNS void
LANGUAGE plpgsql VOLATILE
SET enable_seqscan = off SET enable_hashjoin = off SET enable_mergejoin = off
AS $$
BEGIN
    DELETE FROM kernel.jobs AS j USING unnest(queues, keys) AS d (queue, key)
     WHERE j.queue = d.queue AND j.key = d.key;
END $$;
