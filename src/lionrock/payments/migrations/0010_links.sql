-- Payment links: what payees ask, the requests that banks fetched, and the results called back.
CREATE TABLE payments.links (
    id              text        NOT NULL,
    state           text        NOT NULL,
    payee_id        text        NOT NULL,
    payee_reference text        NOT NULL,
    secret_key      bytea       NOT NULL,
    draft_digest    bytea       NOT NULL,
    sealed_draft    bytea       NOT NULL,
    sealed_secret   bytea       NOT NULL,
    created_at      timestamptz NOT NULL,
    expires_at      timestamptz NOT NULL,
    payment_id      text,
    paid_minor      bigint,
    finished_at     timestamptz,
    callback_state  text        NOT NULL DEFAULT 'none',
    callback_tries  integer     NOT NULL DEFAULT 0,
    CONSTRAINT links_pk PRIMARY KEY (id),
    CONSTRAINT links_reference_unique UNIQUE (payee_id, payee_reference),
    CONSTRAINT links_secret_unique UNIQUE (secret_key),
    CONSTRAINT links_payment_unique UNIQUE (payment_id),
    CONSTRAINT links_state_known CHECK (
        state IN ('open', 'paying', 'paid', 'cancelled', 'expired')),
    CONSTRAINT links_payment_while_paid CHECK (
        (payment_id IS NOT NULL) = (state IN ('paying', 'paid'))),
    CONSTRAINT links_amount_when_paid CHECK ((paid_minor IS NOT NULL) = (state = 'paid')),
    CONSTRAINT links_callback_known CHECK (
        callback_state IN ('none', 'due', 'delivered', 'given_up'))
);

CREATE TABLE payments.link_requests (
    id              text        NOT NULL,
    link_id         text        NOT NULL,
    organisation_id text        NOT NULL,
    created_at      timestamptz NOT NULL,
    expires_at      timestamptz NOT NULL,
    payment_id      text,
    CONSTRAINT link_requests_pk PRIMARY KEY (id),
    CONSTRAINT link_requests_link FOREIGN KEY (link_id) REFERENCES payments.links (id)
);
CREATE INDEX link_requests_of_link ON payments.link_requests (link_id);
