"""The programme office's own acts: funding budgets, and handing out the evidence of a case.

The door of this room; programmes.api hands it on.
"""

from lionrock.programmes.office.errors import OFFICE_ERRORS, OfficeRefusal
from lionrock.programmes.office.http import office_table
from lionrock.programmes.office.service import Office

__all__ = ["OFFICE_ERRORS", "Office", "OfficeRefusal", "office_table"]
