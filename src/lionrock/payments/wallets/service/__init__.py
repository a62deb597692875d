"""Use cases of wallets."""
