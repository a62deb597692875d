-- A sign-in begins with one statement (store/beginnings.py). What that needs to hold and to count
-- is one function: always the request first, then the subject, then the person, so that no two
-- beginnings wait for each other. Each look comes after its lock, and sees what was written then.

-- A limit of the settings; 0 is none.
CREATE FUNCTION identity.is_reached(count_max bigint, counted bigint)
RETURNS boolean LANGUAGE sql IMMUTABLE
RETURN 0 < count_max AND count_max <= counted;

-- Whether this browser's sign-in of the request goes on still (asked if `resumes`), and if none
-- does, whether the person may be asked now. A decoy has no person and waits its turn all the same.
CREATE FUNCTION identity.hold_beginning(
    request bytea, browser bytea, resumes boolean, at timestamptz,
    subject bytea, since timestamptz, client text, person text,
    business_at timestamptz, uncounted text[],
    own_max bigint, every_max bigint, pending_max bigint, approvals_max bigint,
    OUT open_id text, OUT may_ask boolean)
LANGUAGE plpgsql VOLATILE AS $$
DECLARE
    told record;
    held record;
BEGIN
    may_ask := false;
    IF resumes THEN
        open_id := identity.open_sign_in(request, browser, at);
        IF open_id IS NOT NULL THEN
            RETURN;
        END IF;
    END IF;
    SELECT * INTO told
        FROM identity.hold_ration(subject, since, client, person, business_at, uncounted);
    IF person IS NULL OR identity.is_reached(own_max, told.own)
        OR identity.is_reached(every_max, told.every)
        OR identity.is_reached(pending_max, told.pending) THEN
        RETURN;
    END IF;
    SELECT * INTO held FROM identity.hold_person(person, business_at, uncounted);
    may_ask := coalesce(held.status = 'active', false)
        AND NOT identity.is_reached(approvals_max, held.pending);
END $$;
