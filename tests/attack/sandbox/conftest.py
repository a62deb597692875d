"""The whole city, for those who attack its simulated parties from a web page."""

from __future__ import annotations

from tests.whole.conftest import city, world_database, world_database_url

__all__ = ["city", "world_database", "world_database_url"]
