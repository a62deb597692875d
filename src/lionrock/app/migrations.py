"""All pillars' migrations, lowest floor first."""

from __future__ import annotations

from pathlib import Path

from lionrock.kernel.db import Migration, migrations_in

FLOORS = (
    "kernel", "directory", "evidence", "identity", "ledger", "payments", "exchange", "programmes",
    "portal",
)


def all_migrations() -> list[Migration]:
    """Read every pillar's migrations folder, in the order of the floors."""
    package = Path(__file__).resolve().parent.parent
    return [
        migration
        for pillar in FLOORS
        for migration in migrations_in(package / pillar / "migrations", pillar)
    ]
