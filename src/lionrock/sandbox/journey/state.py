"""What the journey carries from step to step, and where it puts what it produces."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

from lionrock.evidence.api import Verdict
from lionrock.identity.api import RelyingParty
from lionrock.kernel.clock import SystemWireClock
from lionrock.kernel.keys import KeyStore
from lionrock.kernel.network import Network
from lionrock.sandbox.journey.actors import Phones, SignedIn
from lionrock.sandbox.personas import Persona, PersonaCompany


@dataclasses.dataclass(kw_only=True)
class Journey:
    """One run of the journey. `stated` are the facts of the firm file as the API takes them."""

    platform_url: str
    world_url: str
    network: Network
    world_keys: KeyStore
    lang: str
    on: date
    out: Path
    founder: Persona
    company: PersonaCompany
    verify: Callable[[bytes, bytes], Verdict]
    stated: dict[str, Any]
    project_title: str
    programme_wanted: str | None = None
    milestones: tuple[dict[str, Any], ...] = (
        {"title": "Equipment installed", "share_percent": 60},
        {"title": "Line in operation", "share_percent": 40},
    )
    person: SignedIn | None = None
    officer: SignedIn | None = None
    company_id: str = ""
    facts: dict[str, Any] = dataclasses.field(default_factory=dict)
    consents: list[dict[str, Any]] = dataclasses.field(default_factory=list)
    navigation: dict[str, Any] = dataclasses.field(default_factory=dict)
    chosen: dict[str, Any] = dataclasses.field(default_factory=dict)
    case: dict[str, Any] = dataclasses.field(default_factory=dict)
    staff: dict[str, SignedIn] = dataclasses.field(default_factory=dict)
    payment: dict[str, Any] = dataclasses.field(default_factory=dict)
    written: list[Path] = dataclasses.field(default_factory=list)

    def __post_init__(self) -> None:
        self.phones = Phones(self.network, self.world_url)

    def service(self, client_id: str) -> RelyingParty:
        """A client of the platform as its own program: own key, own redirect address."""
        return RelyingParty(
            client_id, self.platform_url, self.world_keys.get_or_create(client_id),
            f"{self.world_url}/{client_id}/callback", self.network, SystemWireClock(),
        )  # fmt: skip

    def write(self, name: str, content: bytes) -> Path:
        """Put a file into the folder of what the run produced."""
        path = self.out / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
        if path not in self.written:
            self.written.append(path)
        return path
