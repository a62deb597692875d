-- What expires lives in rings (kernel/ring.py): fixed partitions by expiry, emptied by TRUNCATE.
-- What is in these tables now is let go: the longest of it lives 15 minutes, services begin anew.
--
-- No foreign keys from here: each would lock the same client's and person's row at every insert,
-- and a table that is truncated may not be referred to. The code keeps what they kept: clients,
-- persons, companies and mandates are never deleted, and each reader joins the ones it stands on.
DO $$
DECLARE
    ring text;
    key  text;
BEGIN
    FOREACH ring IN ARRAY ARRAY['sign_ins', 'pushed_requests', 'codes', 'access_tokens'] LOOP
        key := CASE ring WHEN 'sign_ins' THEN 'id' WHEN 'pushed_requests' THEN 'request_hash'
                         WHEN 'codes' THEN 'code_hash' ELSE 'token_hash' END;
        EXECUTE format('ALTER TABLE identity.%I RENAME TO %I', ring, ring || '_before');
        EXECUTE format('CREATE TABLE identity.%I (LIKE identity.%I'
            ' INCLUDING DEFAULTS INCLUDING CONSTRAINTS, slot smallint NOT NULL)'
            ' PARTITION BY LIST (slot)', ring, ring || '_before');
        EXECUTE format('DROP TABLE identity.%I', ring || '_before');
        EXECUTE format('ALTER TABLE identity.%I ADD CONSTRAINT %I PRIMARY KEY (%I, slot)',
            ring, ring || '_pk', key);
        FOR n IN 0..7 LOOP
            EXECUTE format('CREATE TABLE identity.%I PARTITION OF identity.%I'
                ' FOR VALUES IN (%s) WITH (autovacuum_enabled = false)',
                ring || '_' || n, ring, n);
        END LOOP;
    END LOOP;
END $$;

CREATE INDEX sign_ins_by_subject ON identity.sign_ins (subject_key, started_at);
CREATE INDEX access_tokens_by_grant ON identity.access_tokens (grant_id);
