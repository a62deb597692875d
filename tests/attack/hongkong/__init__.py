"""Attacks on the wire-style facades."""
