"""The use cases of the wire-style facades."""
