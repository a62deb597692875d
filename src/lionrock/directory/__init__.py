"""Organisations: their keys, roles, endpoints and status. Other pillars come in through api.py."""
