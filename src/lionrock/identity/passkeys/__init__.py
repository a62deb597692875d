"""Passkeys: a real authenticator for persons, on a phone-sized page. See README.md."""
