-- The parties' own books: one row per thing, keyed by the party that owns it.
CREATE SCHEMA world;

CREATE TABLE world.state (
    party text  NOT NULL,
    kind  text  NOT NULL,
    key   text  NOT NULL,
    value jsonb NOT NULL,
    CONSTRAINT state_pk PRIMARY KEY (party, kind, key)
);
