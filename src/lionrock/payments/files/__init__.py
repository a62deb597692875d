"""Batch files: many credit transfers or direct debits, checked as one, answered by one file."""
