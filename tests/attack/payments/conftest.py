"""The payments city of tests/unit/payments/city.py."""

from tests.unit.payments.city import city, world_database, world_database_url

__all__ = ["city", "world_database", "world_database_url"]
