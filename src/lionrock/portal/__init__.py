"""The portal: pages for people. See README.md."""

from lionrock.portal.http import table
from lionrock.portal.service import Portal
from lionrock.portal.store import EXPIRING
from lionrock.portal.surroundings import Introduction, Surroundings

__all__ = ["EXPIRING", "Introduction", "Portal", "Surroundings", "table"]
