-- Addressing: one account for each proxy and currency, buckets for participants and for payers, the
-- ids that the switch gave, claims, notices, and the register of high-risk proxies.
--
-- The register before had one row a proxy. Its rows lack what the new ones are found by (keyed
-- hashes that only the application can make), so participants register again: banks do it when
-- they start.
DROP TABLE payments.proxies;
DROP TABLE payments.lookup_buckets;

CREATE TABLE payments.proxy_entries (
    lookup_key      bytea       NOT NULL,
    currency        text        NOT NULL,
    kind            text        NOT NULL,
    organisation_id text        NOT NULL,
    account_key     bytea       NOT NULL,
    owner_key       bytea,
    fingerprint     bytea       NOT NULL,
    sealed_target   bytea       NOT NULL,
    registered_at   timestamptz NOT NULL,
    CONSTRAINT proxy_entries_pk PRIMARY KEY (lookup_key, currency),
    CONSTRAINT proxy_entries_kind_known CHECK (kind IN ('mobile', 'email', 'fps_id', 'hkid')),
    CONSTRAINT proxy_entries_fingerprint_length CHECK (octet_length(fingerprint) = 32)
);
-- A participant's own register: for comparing it, and for closing an account.
CREATE INDEX proxy_entries_of_participant
    ON payments.proxy_entries (organisation_id, fingerprint);
CREATE INDEX proxy_entries_of_account ON payments.proxy_entries (account_key);

-- An FPS id that was given is never given again.
CREATE TABLE payments.fps_ids (
    lookup_key      bytea       NOT NULL,
    organisation_id text        NOT NULL,
    given_at        timestamptz NOT NULL,
    CONSTRAINT fps_ids_pk PRIMARY KEY (lookup_key)
);

-- payer_key is empty for the participant's own bucket. A bucket that is not there is full.
CREATE TABLE payments.asking_buckets (
    organisation_id text        NOT NULL,
    payer_key       bytea       NOT NULL,
    tokens          integer     NOT NULL,
    at              timestamptz NOT NULL,
    CONSTRAINT asking_buckets_pk PRIMARY KEY (organisation_id, payer_key)
) WITH (fillfactor = 70);
CREATE INDEX asking_buckets_of_payers ON payments.asking_buckets (at) WHERE payer_key <> '\x';

CREATE TABLE payments.proxy_claims (
    id            text        NOT NULL,
    kind          text        NOT NULL,
    state         text        NOT NULL,
    lookup_key    bytea       NOT NULL,
    proxy_kind    text        NOT NULL,
    currencies    text[]      NOT NULL,
    donor_id      text        NOT NULL,
    claimer_id    text        NOT NULL,
    owner_key     bytea,
    sealed_target bytea       NOT NULL,
    opened_at     timestamptz NOT NULL,
    resolve_by    timestamptz NOT NULL,
    complete_by   timestamptz NOT NULL,
    decided_at    timestamptz NOT NULL,
    reason        text        NOT NULL,
    CONSTRAINT proxy_claims_pk PRIMARY KEY (id),
    CONSTRAINT proxy_claims_kind_known CHECK (kind IN ('portability', 'ownership')),
    CONSTRAINT proxy_claims_state_known CHECK (
        state IN ('open', 'acknowledged', 'confirmed', 'completed', 'cancelled')),
    CONSTRAINT proxy_claims_parties_differ CHECK (donor_id <> claimer_id)
);
CREATE UNIQUE INDEX proxy_claims_one_at_a_time ON payments.proxy_claims (lookup_key)
    WHERE state IN ('open', 'acknowledged', 'confirmed');
CREATE INDEX proxy_claims_of_donor ON payments.proxy_claims (donor_id, id);
CREATE INDEX proxy_claims_of_claimer ON payments.proxy_claims (claimer_id, id);

-- What a participant is told about proxies, in order.
CREATE TABLE payments.proxy_notices (
    number          bigint      GENERATED ALWAYS AS IDENTITY,
    organisation_id text        NOT NULL,
    topic           text        NOT NULL,
    reference       text        NOT NULL,
    sealed_content  bytea       NOT NULL,
    recorded_at     timestamptz NOT NULL,
    CONSTRAINT proxy_notices_pk PRIMARY KEY (organisation_id, number)
);

-- Proxies that a source says are used in fraud; only their keyed hashes.
CREATE TABLE payments.high_risk_proxies (
    lookup_key bytea       NOT NULL,
    source     text        NOT NULL,
    listed_at  timestamptz NOT NULL,
    CONSTRAINT high_risk_proxies_pk PRIMARY KEY (lookup_key, source)
);
