"""Batch files: many credit transfers or direct debits in one checked whole, answered by one file."""
