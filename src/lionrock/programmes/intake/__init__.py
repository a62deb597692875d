"""Intake: facts about a company from those who keep them, under the company's own consent.

The door of this room; programmes.api hands it on.
"""

from lionrock.programmes.intake.errors import INTAKE_ERRORS, IntakeRefusal
from lionrock.programmes.intake.http import intake_table
from lionrock.programmes.intake.service import Intake

__all__ = ["INTAKE_ERRORS", "Intake", "IntakeRefusal", "intake_table"]
