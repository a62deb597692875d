"""The payments city of tests/unit/payments/city.py, and the one whose platform dies on command."""

from tests.crash.payments.mortal import mortal_platform, wire
from tests.unit.payments.city import city, world_database, world_database_url

__all__ = ["city", "mortal_platform", "wire", "world_database", "world_database_url"]
