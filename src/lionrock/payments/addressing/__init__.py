"""Addressing: proxies that stand for accounts, and what one may learn by asking (README.md)."""
