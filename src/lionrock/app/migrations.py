"""All pillars' migrations, lowest floor first."""

from __future__ import annotations

from pathlib import Path

from lionrock.kernel.db import Migration, migrations_in

FLOORS = (
    "kernel", "directory", "evidence", "identity", "ledger", "payments", "exchange", "programmes",
    "hongkong", "portal",
)


_PACKAGE = Path(__file__).resolve().parent.parent


def all_migrations() -> list[Migration]:
    """Read every pillar's migrations folder, in the order of the floors."""
    return [
        migration
        for pillar in FLOORS
        for migration in migrations_in(_PACKAGE / pillar / "migrations", pillar)
    ]


def world_migrations() -> list[Migration]:
    """Read what the simulated world's own database needs: the kernel's tables and its store."""
    return [
        *migrations_in(_PACKAGE / "kernel" / "migrations", "kernel"),
        *migrations_in(_PACKAGE / "sandbox" / "world" / "migrations", "world"),
    ]
