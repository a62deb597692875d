-- Which grants give data by a consent. An inverted index over identity.grants kept an entry for
-- every consent there ever was (PostgreSQL never takes such entries away); these rows go with their
-- grant. What a grant says of its consents stays with the grant: a row here only leads to it.
CREATE TABLE identity.grant_consents (
    consent_id text NOT NULL,
    grant_id   text NOT NULL,
    CONSTRAINT grant_consents_pk PRIMARY KEY (consent_id, grant_id),
    CONSTRAINT grant_consents_grant FOREIGN KEY (grant_id)
        REFERENCES identity.grants (id) ON DELETE CASCADE
) WITH (autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_threshold = 1000);
CREATE INDEX grant_consents_by_grant ON identity.grant_consents (grant_id);

INSERT INTO identity.grant_consents (consent_id, grant_id)
SELECT DISTINCT consent_id, id FROM identity.grants CROSS JOIN unnest(consent_ids) AS consent_id;
DROP INDEX identity.grants_by_consent;
