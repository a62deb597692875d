-- What every pillar leans on: jobs and events (one table), replay memory, the business clock.

CREATE TABLE kernel.jobs (
    queue        text        NOT NULL,
    key          text        NOT NULL,
    payload      jsonb       NOT NULL,
    attempt      integer     NOT NULL DEFAULT 0,
    due_at       timestamptz NOT NULL,
    business_due_at timestamptz,
    generation   bigint      NOT NULL DEFAULT 0,
    last_error   text,
    CONSTRAINT jobs_pk PRIMARY KEY (queue, key),
    CONSTRAINT jobs_attempt_not_negative CHECK (attempt >= 0)
);
CREATE INDEX jobs_due ON kernel.jobs (due_at);

CREATE TABLE kernel.replays (
    realm      text        NOT NULL,
    value      bytea       NOT NULL,
    expires_at timestamptz NOT NULL,
    CONSTRAINT replays_pk PRIMARY KEY (realm, value)
);
CREATE INDEX replays_expiry ON kernel.replays (expires_at);

CREATE TABLE kernel.business_clock (
    singleton  boolean     NOT NULL DEFAULT true,
    epoch      bigint      NOT NULL,
    offset_s   bigint      NOT NULL,
    CONSTRAINT business_clock_pk PRIMARY KEY (singleton),
    CONSTRAINT business_clock_one_row CHECK (singleton)
);
INSERT INTO kernel.business_clock (epoch, offset_s) VALUES (0, 0);
