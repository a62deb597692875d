-- Every rule book that decisions were made with, kept for ever under the digest of its content.
CREATE SCHEMA programmes;

CREATE TABLE programmes.rule_books (
    digest        text        NOT NULL,
    title         text        NOT NULL,
    revision_date date        NOT NULL,
    content       bytea       NOT NULL,
    published_at  timestamptz NOT NULL,
    CONSTRAINT rule_books_pk PRIMARY KEY (digest),
    CONSTRAINT rule_books_digest_is_sha256 CHECK (digest ~ '^[0-9a-f]{64}$'),
    CONSTRAINT rule_books_digest_of_content CHECK (digest = encode(sha256(content), 'hex'))
);
