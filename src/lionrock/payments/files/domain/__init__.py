"""Batch files as values, the streaming reader, and the answer."""
