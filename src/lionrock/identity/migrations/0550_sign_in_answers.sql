-- How a sign-in ended (status, redirect address), encrypted; its browser holds half of the key:
-- a program that polls the waiting page twice is told the same code, and nobody else can read it.
ALTER TABLE identity.sign_ins ADD COLUMN answer bytea;
