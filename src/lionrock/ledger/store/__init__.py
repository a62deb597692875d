"""All SQL of the ledger: the journal and its fence, and the query tables behind it."""
