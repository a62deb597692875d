"""The town of the exchange tests."""

from tests.http.exchange.conftest import town, world_database

__all__ = ["town", "world_database"]
