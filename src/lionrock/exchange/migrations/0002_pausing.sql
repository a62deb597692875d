-- A consent may be paused; who of those asked for it said yes carries it from then on.
ALTER TABLE exchange.consents
    ADD COLUMN approved_by text[] NOT NULL DEFAULT '{}',
    DROP CONSTRAINT consents_status,
    DROP CONSTRAINT consents_acknowledged_when_revoked,
    ADD CONSTRAINT consents_status
        CHECK (status IN ('pending', 'active', 'paused', 'revoked', 'expired', 'rejected')),
    ADD CONSTRAINT consents_acknowledged_when_ended
        CHECK (acknowledged_at IS NULL OR status IN ('paused', 'revoked'));

-- Until now it was not kept who of those asked had agreed.
UPDATE exchange.consents SET approved_by = granted_by WHERE status IN ('active', 'revoked');
