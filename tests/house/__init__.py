"""The house rules themselves, and proof that each of them can fail."""
