"""Our message usage schemas: what a participant may send, narrower than the official schemas.

Written by us, packaged, and enough to check every message at run time; the official schemas are
for tests, which show that what is valid here is valid there. Participants may fetch them, so the
files are the published specification. Source of the element names: ISO 20022 message definitions.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path

from lxml import etree

FOLDER = Path(__file__).resolve().parent
NAMES = tuple(sorted(path.stem for path in FOLDER.glob("*.xsd")))


@cache
def envelope_schema() -> etree.XMLSchema:
    """Return the compiled schema of the envelope with all its messages, compiled once a process."""
    return etree.XMLSchema(file=str(FOLDER / "envelope.xsd"))


def schema_text(name: str) -> bytes | None:
    """Return the text of one published schema file, with or without ".xsd"; None for another name.

    The files refer to each other with ".xsd", so that a validator can follow them.
    """
    bare = name.removesuffix(".xsd")
    return (FOLDER / f"{bare}.xsd").read_bytes() if bare in NAMES else None
