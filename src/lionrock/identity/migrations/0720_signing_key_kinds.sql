-- A signer may hold one certificate for each kind of key: P-256, which everything here signs with,
-- and RSA of 3,072 bits for wires that ask for RSA signatures.
ALTER TABLE identity.signing_certificates
    ADD COLUMN key_kind text NOT NULL DEFAULT 'ES256',
    ADD CONSTRAINT signing_certificates_key_kind CHECK (key_kind IN ('ES256', 'RSA-3072'));
DROP INDEX identity.signing_certificates_one_current;
CREATE UNIQUE INDEX signing_certificates_one_current
    ON identity.signing_certificates (kind, subject_id, key_kind) WHERE is_current;
