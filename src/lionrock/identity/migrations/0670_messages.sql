-- Messages to persons: how far the carrier got with each. A code handed over in person is found by
-- its person, so that a new one ends the one before.

ALTER TABLE identity.messages
    ADD COLUMN carried_at timestamptz,
    ADD COLUMN refused_at timestamptz,
    ADD CONSTRAINT messages_ended_once CHECK (carried_at IS NULL OR refused_at IS NULL);
CREATE INDEX recovery_codes_in_person ON identity.recovery_codes (person_id)
    WHERE factor = 'in_person' AND used_at IS NULL;
