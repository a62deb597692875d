"""Use cases of the ledger: the single writer, its recovery, the projection, the readers."""
