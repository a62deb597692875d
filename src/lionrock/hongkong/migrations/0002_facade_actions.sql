-- Actions: whose grant asked (its end withdraws what is waiting or was made), sharing a company's
-- documents, an end by withdrawal. Clients: whether one is of the government.
ALTER TABLE hongkong_facades.clients ADD COLUMN is_government boolean NOT NULL DEFAULT false;

ALTER TABLE hongkong_facades.requests
    ADD COLUMN grant_id text,
    DROP CONSTRAINT requests_kind_known,
    ADD CONSTRAINT requests_kind_known
        CHECK (kind IN ('form', 'profile', 'step_up', 'sign', 'documents')),
    DROP CONSTRAINT requests_outcome_known,
    ADD CONSTRAINT requests_outcome_known
        CHECK (outcome IN ('approved', 'rejected', 'expired', 'cancelled'));
