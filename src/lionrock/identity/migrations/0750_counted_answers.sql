-- An answer is counted under its approval's lock, with what others answered before it: one call
-- instead of two. The second look comes after the lock and sees what was waited for; a single
-- SELECT ... FOR UPDATE that also reads the answers would show them as they were before the wait.
CREATE FUNCTION identity.hold_approval(approval text)
RETURNS TABLE (asked identity.approvals, person identity.approval_persons)
LANGUAGE plpgsql VOLATILE AS $$
BEGIN
    PERFORM FROM identity.approvals WHERE id = approval FOR UPDATE;
    RETURN QUERY SELECT a, p FROM identity.approvals a
        JOIN identity.approval_persons p ON p.approval_id = a.id
        WHERE a.id = approval ORDER BY p.position;
END $$;
