"""What the sandbox's registries and people say of each persona: all invented (data/values.toml)."""

from __future__ import annotations

import tomllib
from datetime import datetime, timedelta
from importlib.resources import files
from typing import Any

import msgspec

from lionrock.identity.api import Identity
from lionrock.kernel.db import Connection
from lionrock.kernel.errors import Refused

PERSONS_REGISTRY = "persons-registry"


class Match(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A registry's word, `days_ago`."""

    source: Any
    evidence: str
    days_ago: int
    fields: dict[str, Any]


class PersonaValues(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What is known of one persona."""

    own: dict[str, Any] = {}
    matched: list[Match] = []


def load_values() -> dict[str, PersonaValues]:
    """Read the packaged values by handle."""
    text = (files("lionrock.sandbox") / "data" / "values.toml").read_text(encoding="utf-8")
    return msgspec.convert(tomllib.loads(text), dict[str, PersonaValues])


async def state_values(
    db: Connection, identity: Identity, person_id: str, handle: str, now: datetime
) -> Refused | None:
    """State a persona's values through the doors of registries and of the person."""
    known = load_values().get(handle, PersonaValues())
    for field, value in known.own.items():
        declared = await identity.forms.declare(db, person_id, field, value)
        if isinstance(declared, Refused):
            return declared
    subject = await identity.forms.introduce(db, PERSONS_REGISTRY, person_id)
    for number, match in enumerate(known.matched):
        stated = await identity.forms.state(
            db, organisation_id=PERSONS_REGISTRY, subject=subject, source=match.source,
            evidence=match.evidence, matched_at=now - timedelta(days=match.days_ago),
            reference=f"settled-{number}", fields=match.fields,
        )  # fmt: skip
        if isinstance(stated, Refused):
            return stated
    return None
