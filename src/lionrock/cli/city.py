"""lionrock up, serve, status, reset: a city's life on this machine."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Annotated, Any, cast

import httpx
import msgspec
import typer
from rich.console import Console
from rich.table import Table

from lionrock.app.supervisor import (
    City,
    CityRefused,
    interruptible,
    supervise_until_signalled,
)
from lionrock.app.world import cast_of
from lionrock.kernel.config import Settings, load_settings

ConfigOption = Annotated[Path | None, typer.Option("--config", help="Configuration file (TOML).")]
DataOption = Annotated[
    str | None, typer.Option("--data-directory", help="Where the city keeps its data.")
]
DatabaseOption = Annotated[
    str | None,
    typer.Option("--database", metavar="URL", help="A PostgreSQL 15+ server instead of the "
                 "embedded one."),
]
PortOption = Annotated[
    int | None, typer.Option("--port", help="Port of the platform; the world takes the next one.")
]
ClientsOption = Annotated[
    Path | None,
    typer.Option("--clients", metavar="FILE.json",
                 help="Register the clients of a file (docs/sandbox-hooks.md)."),
]
AutoOption = Annotated[
    str | None,
    typer.Option("--auto", metavar="ask|approve|deny",
                 help="What phones do by themselves that were told nothing else."),
]
FacadesOption = Annotated[
    str | None,
    typer.Option("--facades", metavar="iam,corpid",
                 help="Turn on Hong Kong wire-style facades (docs/facades.md)."),
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print facts as JSON.")]
console = Console()
# What happens while a city runs; its facts alone go to standard output.
told = Console(stderr=True)


def settings_from(
    config: Path | None, data_directory: str | None, database: str | None, port: int | None,
    composition: str | None = None, facades: str | None = None,
) -> Settings:
    """Merge the common options into the settings."""
    overrides: dict[str, Any] = {
        "data_directory": data_directory, "database_url": database, "composition": composition,
        "facades": facades.split(",") if facades else None,
    }
    if database and composition != "serve":
        overrides["world_database_url"] = _world_beside(database)
    if port is not None:
        overrides["public_url"] = f"http://127.0.0.1:{port}"
        overrides["world_url"] = f"http://127.0.0.1:{port + 1}"
    return load_settings(file=config, overrides=overrides)


def with_hooks(settings: Settings, clients: Path | None, auto: str | None) -> Settings:
    """Add what `up` was told of clients and phones; CityRefused when the clients' file is wrong."""
    from lionrock.sandbox.hooks import ClientsFileRefused, read_clients

    file = str(clients.resolve()) if clients is not None else settings.clients_file
    if file:
        try:
            read_clients(Path(file))
        except ClientsFileRefused as error:
            raise CityRefused(str(error)) from error
    answer = auto or settings.phones_answer
    if answer not in ("ask", "approve", "deny"):
        raise CityRefused(f"--auto: expected ask, approve or deny, got {answer[:40]!r}")
    return msgspec.structs.replace(settings, clients_file=file, phones_answer=cast(Any, answer))


def up(
    config: ConfigOption = None, data_directory: DataOption = None,
    database: DatabaseOption = None, port: PortOption = None, json_output: JsonOption = False,
    clients: ClientsOption = None, auto: AutoOption = None, facades: FacadesOption = None,
) -> None:
    """Start the sandbox: a whole strict city on this machine, until Ctrl-C."""
    settings = with_hooks(
        settings_from(config, data_directory, database, port, "sandbox", facades), clients, auto
    )
    with (
        interruptible(), console.status("starting") as status,
        City(settings, narrate=status.update) as running,
    ):
        status.stop()
        _show(running, json_output)
        supervise_until_signalled(running, told.print)
        told.print("stopping; what the city holds is kept for the next start")


def serve(config: ConfigOption = None, database: DatabaseOption = None) -> None:
    """Run the infrastructure itself on a PostgreSQL server, without simulated parties."""
    settings = settings_from(config, None, database, None, "serve")
    if not settings.database_url:
        raise CityRefused("serve needs --database URL (or database_url in the configuration)")
    with interruptible(), City(settings, narrate=console.print) as running:
        console.print(f"serving {settings.public_url}")
        supervise_until_signalled(running, console.print)


def status(port: PortOption = None, json_output: JsonOption = False) -> None:
    """Say whether a city answers on this machine, and how its parts are."""
    settings = settings_from(None, None, None, port)
    try:
        answer = httpx.get(f"{settings.public_url}/ready", timeout=3.0, trust_env=False)
    except httpx.HTTPError as error:
        raise CityRefused(
            f"nothing answers at {settings.public_url}; start a city with: lionrock up"
        ) from error
    if json_output:
        typer.echo(answer.text)
    else:
        for name, state in answer.json().items():
            console.print(f"{name:12} {state}")
    raise typer.Exit(0 if answer.status_code == 200 else 1)


def reset(
    config: ConfigOption = None, data_directory: DataOption = None,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
) -> None:
    """Delete a sandbox city's data: people, money, evidence, keys."""
    settings = settings_from(config, data_directory, None, None)
    directory = settings.data_path
    if not directory.exists():
        console.print(f"there is nothing in {directory}")
        return
    # Only a folder that a city made is ever deleted.
    if not (directory / "lionrock.lock").exists():
        raise CityRefused(f"{directory} does not look like a city's data directory; not deleted")
    _check_not_running(directory)
    if not yes:
        typer.confirm(f"Delete everything in {directory}?", abort=True)
    shutil.rmtree(directory)
    console.print(f"deleted {directory}")


def _check_not_running(directory: Path) -> None:
    import fcntl

    with (directory / "lionrock.lock").open("r+") as handle:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            raise CityRefused(f"the city in {directory} is running; stop it first") from error


def _world_beside(database_url: str) -> str:
    head, question, query = database_url.partition("?")
    return f"{head}_world{question}{query}"


def _show(running: City, json_output: bool) -> None:
    settings = running.settings
    people = cast_of(settings).people
    addresses = {
        "portal": f"{settings.public_url}/",
        "reference": f"{settings.public_url}/reference",
        "openapi": f"{settings.public_url}/openapi.json",
        "discovery": f"{settings.public_url}/.well-known/openid-configuration",
        "awards": f"{settings.public_url}/programmes/v1/awards",
        "phones": f"{settings.world_url}/phone/",
        "service": f"{settings.world_url}/harbour-service/",
        "hooks": f"{settings.public_url}/sandbox/phones",
        "data": settings.data_directory,
    }
    if json_output:
        personas = [{"handle": each.handle, "name": msgspec.to_builtins(each.name),
                     "story": msgspec.to_builtins(each.story)} for each in people]
        typer.echo(json.dumps({"addresses": addresses, "personas": personas}, ensure_ascii=False))
        return
    console.print(f"\n[bold]{settings.city}[/bold] is up. Everything around it is simulated.\n")
    for name, address in addresses.items():
        console.print(f"  {name:10} {address}")
    table = Table(title="People you can be (sign in with the handle, approve on the phone)",
                  title_justify="left", show_edge=False, pad_edge=False)
    for column in ("handle", "name", "story"):
        table.add_column(column)
    for person in people:
        table.add_row(person.handle, person.name.en, person.story.en)
    console.print()
    console.print(table)
    console.print("\nNext: open the portal, sign in as [bold]ada[/bold], and approve on her phone "
                  "with the number shown.\nStop with Ctrl-C; the data stays. Start over: lionrock "
                  "reset\n")
