-- A sign-in's first steps in fewer round trips. Each function locks first and looks afterwards: in
-- a volatile function at READ COMMITTED every statement sees what was committed before it began,
-- so a look sees what the former holder of the lock wrote. Plans over a ring's eight partitions
-- are kept, for making one takes longer than the look-up.

-- The rings' migration made the table anew without this index.
CREATE INDEX sign_ins_by_request ON identity.sign_ins (request_hash);

-- What passed its time is looked for, a job for each approval is not kept.
CREATE INDEX approvals_due ON identity.approvals (expires_at) WHERE state = 'pending';
DELETE FROM kernel.jobs WHERE queue = 'identity.approval_expiry';
INSERT INTO kernel.jobs (queue, key, payload, due_at, generation)
VALUES ('identity.approval_expiry', 'due', '{}', '-infinity', 1);

-- A browser's sign-in of a request that goes on still; the request is held to the end.
CREATE FUNCTION identity.open_sign_in(request bytea, browser bytea, at timestamptz)
RETURNS text LANGUAGE plpgsql VOLATILE SET plan_cache_mode = force_generic_plan AS $$
BEGIN
    PERFORM pg_advisory_xact_lock(7310002, hashtext(encode(request, 'hex')));
    RETURN (SELECT s.id FROM identity.sign_ins s
            WHERE s.request_hash = request AND s.browser_hash = browser
              AND s.finished_at IS NULL AND s.expires_at > at
            ORDER BY s.started_at DESC LIMIT 1);
END $$;

-- How much waits for a person's answer. The one place that says what counts.
CREATE FUNCTION identity.count_waiting(person text, at timestamptz, uncounted text[])
RETURNS bigint LANGUAGE plpgsql STABLE AS $$
BEGIN
    RETURN (SELECT count(*)
            FROM identity.approval_persons mine
            JOIN identity.approvals a ON a.id = mine.approval_id
            WHERE mine.person_id = person AND mine.decision IS NULL AND a.state = 'pending'
              AND a.expires_at > at AND NOT a.kind = ANY (uncounted));
END $$;

-- What a person was told of lately and left unapproved, of one client and of all, and what waits
-- for an answer; attempts at one subject pass one by one.
CREATE FUNCTION identity.hold_ration(
    subject bytea, since timestamptz, client text, person text, at timestamptz, uncounted text[],
    OUT own bigint, OUT every bigint, OUT pending bigint)
LANGUAGE plpgsql VOLATILE SET plan_cache_mode = force_generic_plan AS $$
BEGIN
    PERFORM pg_advisory_xact_lock(7310002, hashtext(encode(subject, 'hex')));
    SELECT count(*) FILTER (WHERE s.client_id = client), count(*) INTO own, every
    FROM identity.sign_ins s
    WHERE s.subject_key = subject AND s.started_at > since
      AND NOT s.is_approved AND s.approval_id IS NOT NULL;
    pending := identity.count_waiting(person, at, uncounted);
END $$;

-- A person's status, held to the end, and how much waits for the person's answer.
CREATE FUNCTION identity.hold_person(
    person text, at timestamptz, uncounted text[], OUT status text, OUT pending bigint)
LANGUAGE plpgsql VOLATILE AS $$
BEGIN
    SELECT p.status INTO status FROM identity.persons p WHERE p.id = person FOR NO KEY UPDATE;
    pending := identity.count_waiting(person, at, uncounted);
END $$;
