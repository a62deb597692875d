"""Evidence: receipts, the append-only log they are hashed into, and proofs a stranger can check."""
