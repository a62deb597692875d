"""The compiled usage schemas of batch files, from the pillar's schemas folder."""

from __future__ import annotations

from functools import cache

from lxml import etree

from lionrock.payments.schemas import FOLDER


@cache
def file_schema(definition: str) -> etree.XMLSchema:
    """Return the compiled schema of a file's definition, compiled once a process."""
    return etree.XMLSchema(file=str(FOLDER / f"{definition}.xsd"))
