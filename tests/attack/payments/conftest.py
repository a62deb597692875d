"""The payments city of tests/unit/payments/city.py."""

from tests.unit.payments.city import city, world_database

__all__ = ["city", "world_database"]
