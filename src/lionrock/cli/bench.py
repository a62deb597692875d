"""lionrock bench: measured figures of this machine, in one stable JSON shape."""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer
import uvloop


class Bench(StrEnum):
    """The benches there are."""

    ledger = "ledger"
    token = "token"  # noqa: S105 - the name of a bench, not a secret
    login = "login"
    expiry = "expiry-1m"
    addressing = "addressing"
    switch = "switch"
    files = "files"


FILE_ENTRIES = 1_000
FILE_ENTRIES_MAX = 100_000


def bench(
    name: Annotated[Bench, typer.Argument(help="What to measure.")],
    seconds: Annotated[float, typer.Option("--seconds", min=0.2, help="Per case.")] = 2.0,
    json_file: Annotated[
        Path | None, typer.Option("--json", help="Write the figures to a file.")
    ] = None,
    case: Annotated[
        list[str] | None,
        typer.Option("--case", help="ledger, switch, addressing: only this case; may be repeated."),
    ] = None,
    transfers: Annotated[
        int, typer.Option("--transfers", min=1_000, help="ledger: history of the case restart.")
    ] = 1_000_000,
    entries: Annotated[
        int,
        typer.Option(
            "--entries", min=0, help="files: entries of the file; addressing: of the directory."
        ),
    ] = 0,
    within: Annotated[
        float, typer.Option("--within", min=1, help="files: seconds until it gives up.")
    ] = 5_000.0,
) -> None:
    """Measure on this machine, with a durable embedded database; report what was seen."""
    if name is Bench.ledger:
        from lionrock.ledger.bench import run as run_ledger

        try:
            uvloop.run(run_ledger(seconds, json_file, cases=case or (), transfers=transfers))
        except ValueError as error:
            raise typer.BadParameter(str(error)) from error
        return
    if name is Bench.switch:
        from lionrock.cli.benches.switch import run as run_switch

        try:
            uvloop.run(run_switch(seconds, json_file, cases=case or ()))
        except ValueError as error:
            raise typer.BadParameter(str(error)) from error
        return
    if name is Bench.files:
        from lionrock.cli.benches.files import run as run_files

        if entries > FILE_ENTRIES_MAX:
            raise typer.BadParameter(f"a file has at most {FILE_ENTRIES_MAX} entries")
        uvloop.run(run_files(entries or FILE_ENTRIES, within, json_file))
        return
    if name is Bench.addressing:
        _bench_addressing(seconds, json_file, case or (), entries)
        return
    if name is Bench.token:
        from lionrock.cli.benches.token import run
    elif name is Bench.login:
        from lionrock.cli.benches.login import run
    else:
        from lionrock.cli.benches.expiry import run
    uvloop.run(run(seconds, json_file))


def _bench_addressing(
    seconds: float, json_file: Path | None, cases: Sequence[str], entries: int
) -> None:
    from lionrock.cli.benches.addressing import ENTRIES
    from lionrock.cli.benches.addressing import run as run_addressing

    try:
        uvloop.run(run_addressing(seconds, json_file, cases=cases, entries=entries or ENTRIES))
    except ValueError as error:
        raise typer.BadParameter(str(error)) from error
