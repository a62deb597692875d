"""The schemas as ISO published them, asked through two validators that nobody here wrote.

lxml (libxml2, in C) and xmlschema (in Python) share no code: what both take is valid as far as we
can know. A document counts as valid only when neither has anything to say against it.
"""

from __future__ import annotations

from functools import cache
from itertools import islice
from pathlib import Path

import xmlschema
from lxml import etree

FOLDERS = ("set", "extra")
PROBLEMS_MAX = 5


def problems(shared: Path, definition: str, document: bytes) -> list[str]:
    """What either validator says against a document (a header too), each naming itself."""
    return lxml_problems(shared, definition, document) + xmlschema_problems(
        shared, definition, document
    )


def lxml_problems(shared: Path, definition: str, document: bytes) -> list[str]:
    """What libxml2 says against a document."""
    schema = _lxml_schema(_path(shared, definition))
    schema.validate(etree.fromstring(document))
    errors = list(schema.error_log)  # type: ignore[call-overload]  # stubs lack iteration
    return [f"lxml, {definition}: {error.message}" for error in errors]


def xmlschema_problems(shared: Path, definition: str, document: bytes) -> list[str]:
    """What xmlschema says against a document."""
    schema = _python_schema(_path(shared, definition))
    errors = islice(schema.iter_errors(document.decode("utf-8")), PROBLEMS_MAX)
    return [f"xmlschema, {definition}: {error.path}: {error.reason}" for error in errors]


def _path(shared: Path, definition: str) -> Path:
    published = shared / "testdata" / "iso20022" / "xsd"
    paths = (published / folder / f"{definition}.xsd" for folder in FOLDERS)
    return next(path for path in paths if path.exists())


@cache
def _lxml_schema(path: Path) -> etree.XMLSchema:
    return etree.XMLSchema(file=str(path))


@cache
def _python_schema(path: Path) -> xmlschema.XMLSchema:
    return xmlschema.XMLSchema(str(path))
