-- Positions (from 1) of callers that may not, or no longer, act in a role: organisations, and the
-- key that each signed with. A key is one organisation's for ever and never changes, so its name
-- stands for it. For statements of others that go on only when what was read before still holds.
CREATE FUNCTION directory.fallen_callers(callers text[], kids text[], wanted_role text)
RETURNS SETOF bigint
LANGUAGE sql STABLE AS $$
    SELECT c.position FROM unnest(callers, kids) WITH ORDINALITY AS c (id, kid, position)
     WHERE (SELECT true FROM directory.keys k JOIN directory.organisations o
              ON o.id = k.organisation_id
             WHERE k.kid = c.kid AND k.retired_at IS NULL AND o.id = c.id
               AND o.status = 'active' AND wanted_role = ANY(o.roles)) IS NULL
$$;
