-- Receipts, the append-only log they are hashed into, and what witnesses said about it.
CREATE SCHEMA evidence;

-- One row a receipt, written in the transaction of what it is about. The integration job gives it
-- its place in the log (log_index); nothing else of it ever changes.
CREATE TABLE evidence.receipts (
    id          text        NOT NULL,
    kind        text        NOT NULL,
    issuer      text        NOT NULL,
    jws         text        NOT NULL,
    salt        bytea       NOT NULL,
    entry       bytea       NOT NULL,
    recorded_at timestamptz NOT NULL,
    log_index   bigint,
    CONSTRAINT receipts_pk PRIMARY KEY (id),
    CONSTRAINT receipts_log_index_once UNIQUE (log_index),
    CONSTRAINT receipts_log_index_range CHECK (log_index >= 0),
    CONSTRAINT receipts_salt_32_bytes CHECK (octet_length(salt) = 32),
    CONSTRAINT receipts_entry_32_bytes CHECK (octet_length(entry) = 32)
);
CREATE INDEX receipts_pending ON evidence.receipts (id) WHERE log_index IS NULL;

CREATE TABLE evidence.receipt_references (
    value      text NOT NULL,
    name       text NOT NULL,
    receipt_id text NOT NULL,
    CONSTRAINT receipt_references_pk PRIMARY KEY (value, name, receipt_id),
    CONSTRAINT receipt_references_receipt FOREIGN KEY (receipt_id) REFERENCES evidence.receipts (id)
);

-- The one log: its identity, which must outlive settings and key stores, and how far it has grown.
CREATE TABLE evidence.tree (
    singleton boolean NOT NULL DEFAULT true,
    origin    text    NOT NULL,
    vkey      text    NOT NULL,
    size      bigint  NOT NULL,
    root      bytea   NOT NULL,
    CONSTRAINT tree_pk PRIMARY KEY (singleton),
    CONSTRAINT tree_one_row CHECK (singleton),
    CONSTRAINT tree_size_range CHECK (size >= 0),
    CONSTRAINT tree_root_32_bytes CHECK (octet_length(root) = 32)
);

-- The present content of each tile; the tile of an earlier tree is a prefix of it.
CREATE TABLE evidence.tiles (
    level      smallint NOT NULL,
    tile_index bigint   NOT NULL,
    hashes     bytea    NOT NULL,
    CONSTRAINT tiles_pk PRIMARY KEY (level, tile_index),
    CONSTRAINT tiles_are_hashes CHECK (
        octet_length(hashes) % 32 = 0 AND octet_length(hashes) BETWEEN 32 AND 8192)
);

CREATE TABLE evidence.checkpoints (
    size      bigint      NOT NULL,
    note_text text        NOT NULL,
    log_line  text        NOT NULL,
    signed_at timestamptz NOT NULL,
    CONSTRAINT checkpoints_pk PRIMARY KEY (size)
);

CREATE TABLE evidence.cosignatures (
    size    bigint NOT NULL,
    witness text   NOT NULL,
    line    text   NOT NULL,
    CONSTRAINT cosignatures_pk PRIMARY KEY (size, witness),
    CONSTRAINT cosignatures_checkpoint FOREIGN KEY (size) REFERENCES evidence.checkpoints (size)
);
CREATE INDEX cosignatures_by_witness ON evidence.cosignatures (witness, size);

CREATE TABLE evidence.artefacts (
    sha256     text        NOT NULL,
    media_type text        NOT NULL,
    content    bytea       NOT NULL,
    kept_at    timestamptz NOT NULL,
    CONSTRAINT artefacts_pk PRIMARY KEY (sha256),
    CONSTRAINT artefacts_digest CHECK (sha256 = encode(sha256(content), 'hex'))
);
