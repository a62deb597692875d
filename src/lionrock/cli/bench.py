"""lionrock bench: measured figures of this machine, in one stable JSON shape."""

from __future__ import annotations

import asyncio
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer


class Bench(StrEnum):
    """The benches there are."""

    ledger = "ledger"


def bench(
    name: Annotated[Bench, typer.Argument(help="What to measure.")],
    seconds: Annotated[float, typer.Option("--seconds", min=0.2, help="Per case.")] = 2.0,
    json_file: Annotated[
        Path | None, typer.Option("--json", help="Write the figures to a file.")
    ] = None,
) -> None:
    """Measure on this machine, with a durable embedded database; report what was seen."""
    assert name is Bench.ledger, name
    from lionrock.ledger.bench import run

    asyncio.run(run(seconds, json_file))
