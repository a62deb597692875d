-- What expires is deleted in bounded numbers, the earliest end first (kernel/expiring.py): each
-- such table has an index over the end of its rows.
CREATE INDEX enrolment_codes_by_expiry ON identity.enrolment_codes (expires_at);
CREATE INDEX initial_access_tokens_by_expiry ON identity.initial_access_tokens (expires_at);
CREATE INDEX recoveries_by_expiry ON identity.recoveries (expires_at);
CREATE INDEX recovery_codes_by_expiry ON identity.recovery_codes (expires_at);
CREATE INDEX messages_by_expiry ON identity.messages (expires_at);
CREATE INDEX form_fillings_by_expiry ON identity.form_fillings (expires_at);

-- A question that only opens a session ("passing") is forgotten some time after its decision. What
-- binds somebody (a mandate, a signature, a consent, a payment) is kept: it is the evidence.
ALTER TABLE identity.approvals ADD COLUMN is_passing boolean NOT NULL DEFAULT false;
UPDATE identity.approvals SET is_passing = true
 WHERE kind IN ('sign_in', 'ciba', 'form_filling', 'identity.recovery');
CREATE INDEX approvals_passing ON identity.approvals (decided_at) WHERE is_passing;
ALTER TABLE identity.approval_persons
    DROP CONSTRAINT approval_persons_approval,
    ADD CONSTRAINT approval_persons_approval FOREIGN KEY (approval_id)
        REFERENCES identity.approvals (id) ON DELETE CASCADE;

-- An authorization to sign that nobody collected activation data for.
CREATE INDEX signing_authorizations_uncollected ON identity.signing_authorizations (created_at)
    WHERE sad_hash IS NULL;
ALTER TABLE identity.signing_authorized_hashes
    DROP CONSTRAINT signing_authorized_hashes_fk,
    ADD CONSTRAINT signing_authorized_hashes_fk FOREIGN KEY (authorization_id)
        REFERENCES identity.signing_authorizations (id) ON DELETE CASCADE;

-- Clients that registered themselves, and when one was first given a token. Of those that are there
-- already nobody knows: they stay.
ALTER TABLE identity.registrations ADD COLUMN used_at timestamptz;
UPDATE identity.registrations SET used_at = registered_at;
CREATE INDEX registrations_unused ON identity.registrations (registered_at) WHERE used_at IS NULL;

-- Space of deleted rows is found again before a fiftieth of a table is such space, and soon in
-- small tables: the defaults wait for a fifth.
DO $$
DECLARE
    swept text;
BEGIN
    FOREACH swept IN ARRAY ARRAY['grants', 'refresh_families', 'authentications', 'approvals',
        'approval_persons', 'passkey_challenges', 'passkey_sessions', 'quiet_sign_ins',
        'enrolment_codes', 'initial_access_tokens', 'recoveries', 'recovery_codes', 'messages',
        'form_grants', 'form_fillings', 'signing_authorizations', 'signing_authorized_hashes',
        'registrations']
    LOOP
        EXECUTE format('ALTER TABLE identity.%I SET (autovacuum_vacuum_scale_factor = 0.02,'
            ' autovacuum_vacuum_threshold = 1000)', swept);
    END LOOP;
END $$;
