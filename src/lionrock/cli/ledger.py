"""lionrock ledger: how far the query tables are behind the ledger."""

from __future__ import annotations

import asyncio
import json

import typer
from rich.console import Console

from lionrock.app.ledger_lag import copy_progress, facts_of
from lionrock.cli.city import ConfigOption, DatabaseOption, DataOption, JsonOption, settings_from

commands = typer.Typer(help="Ledger: how far its copies are behind.", no_args_is_help=True)
console = Console()
KEEPS_UP = frozenset({"level", "copying"})


@commands.callback()
def options() -> None:
    """Keep `lag` a command of its own: more will come beside it."""


@commands.command("lag")
def lag(
    config: ConfigOption = None,
    data_directory: DataOption = None,
    database: DatabaseOption = None,
    json_output: JsonOption = False,
) -> None:
    """Show what the ledger wrote and what is copied for queries; exit code 1 when copies stall.

    Examples:
    lionrock ledger lag
    lionrock ledger lag --database postgresql://lionrock@db.example/lionrock --json
    """
    settings = settings_from(config, data_directory, database, None)
    progress = asyncio.run(copy_progress(settings))
    facts = facts_of(progress)
    if json_output:
        typer.echo(json.dumps(facts))
    else:
        for name, value in facts.items():
            console.print(f"{name:17} {value}", highlight=False, markup=False)
    raise typer.Exit(0 if progress.state in KEEPS_UP else 1)
