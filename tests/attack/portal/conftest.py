"""The city of the portal's tests, for its attackers."""

from __future__ import annotations

from tests.http.portal.conftest import city, opened, world_database, world_database_url

__all__ = ["city", "opened", "world_database", "world_database_url"]
