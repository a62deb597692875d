"""The city of the portal's tests, for its attackers."""

from __future__ import annotations

from tests.http.portal.conftest import city, opened, world_database

__all__ = ["city", "opened", "world_database"]
