"""The whole city, for those who attack its simulated parties from a web page."""

from __future__ import annotations

from tests.whole.conftest import city, world_database

__all__ = ["city", "world_database"]
