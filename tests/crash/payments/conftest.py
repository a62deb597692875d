"""The payments city of tests/unit/payments/city.py, and the one that dies on command."""

from tests.crash.payments.mortal import mortal_city, wire
from tests.unit.payments.city import city, world_database

__all__ = ["city", "mortal_city", "wire", "world_database"]
