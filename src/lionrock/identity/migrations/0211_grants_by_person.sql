-- A person sees which services hold a grant, and takes one back.
CREATE INDEX grants_by_person ON identity.grants (person_id) WHERE revoked_at IS NULL;
