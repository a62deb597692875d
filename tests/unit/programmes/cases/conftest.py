"""The programme office of office.py, on the payments city."""

from tests.unit.payments.city import city, world_database, world_database_url
from tests.unit.programmes.cases.office import office

__all__ = ["city", "office", "world_database", "world_database_url"]
