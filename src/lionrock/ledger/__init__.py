"""The ledger: accounts, transfers, and the journal that makes them true. See README.md."""
