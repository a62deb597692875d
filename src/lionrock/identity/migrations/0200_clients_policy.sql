-- A client's policy, and tokens of a client itself (no person behind them).
ALTER TABLE identity.clients ADD COLUMN policy jsonb NOT NULL DEFAULT '{}';
ALTER TABLE identity.access_tokens ALTER COLUMN person_id DROP NOT NULL;
ALTER TABLE identity.access_tokens ADD CONSTRAINT access_tokens_company_has_actor
    CHECK (company_id IS NULL OR person_id IS NOT NULL);
