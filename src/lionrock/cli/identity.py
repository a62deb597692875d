"""lionrock identity: what must happen before anybody can sign in as an operator."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Annotated

import msgspec
import typer
from rich.console import Console

from lionrock.app.bootstrap import bootstrap_operators, read_operators
from lionrock.app.supervisor import CityRefused
from lionrock.cli.city import ConfigOption, DatabaseOption, JsonOption, settings_from

commands = typer.Typer(help="Identity: the first operators.", no_args_is_help=True)
console = Console()


@commands.callback()
def options() -> None:
    """Keep `bootstrap` a command of its own: more will come beside it."""


@commands.command("bootstrap")
def bootstrap(
    operators: Annotated[
        Path, typer.Option("--operators", help="JSON file with exactly two persons.")
    ],
    config: ConfigOption = None,
    database: DatabaseOption = None,
    json_output: JsonOption = False,
) -> None:
    """Enter the first two operators of a served city; works once, prints their enrolment codes."""
    settings = settings_from(config, None, database, None, "serve")
    if not settings.database_url:
        raise CityRefused("bootstrap needs --database URL (or database_url in the configuration)")
    made = asyncio.run(bootstrap_operators(settings, read_operators(operators)))
    if json_output:
        typer.echo(json.dumps(msgspec.to_builtins(made), ensure_ascii=False))
        return
    for operator in made:
        console.print(f"{operator.name:30} {operator.person_id}  code {operator.enrolment_code}")
    console.print("Each code enrols one phone or passkey within seven days; it is shown only here.")
