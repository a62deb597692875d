"""The portal over HTTP: pages for people, every one a row of the table."""

from __future__ import annotations

from lionrock.portal.http.table import table

__all__ = ["table"]
