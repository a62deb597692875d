"""The iAM Smart-style wire: persons, below /api/v1."""
