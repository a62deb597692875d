"""The `lionrock` command: one typer application, errors as one plain sentence on stderr.

Exit codes: 0 done, 1 the answer is no (a bundle that does not verify, a journey that failed),
2 the command could not run.
"""

from __future__ import annotations

import logging
import sys
from typing import Annotated

import typer

import lionrock
from lionrock.app.supervisor import CityRefused
from lionrock.cli import bench, city, demo, identity, ledger, payments, programmes, verify
from lionrock.kernel.config import SettingsRefused
from lionrock.kernel.http.server import PortTaken
from lionrock.kernel.keys import KeyStoreError
from lionrock.kernel.postgres import PostgresRefused

EXPLAINED = (SettingsRefused, PostgresRefused, PortTaken, CityRefused, KeyStoreError)

application = typer.Typer(
    name="lionrock",
    help="The digital infrastructure of an innovation economy: identity, consented data exchange, "
    "instant payments, public programmes, and the evidence of all of it.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
application.command("up")(city.up)
application.command("serve")(city.serve)
application.command("status")(city.status)
application.command("reset")(city.reset)
application.command("demo")(demo.demo)
application.command("verify")(verify.verify)
application.command("bench")(bench.bench)
application.add_typer(programmes.commands, name="programmes")
application.add_typer(identity.commands, name="identity")
application.add_typer(ledger.commands, name="ledger")
application.add_typer(payments.commands, name="payments")


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"lionrock {lionrock.__version__}")
        raise typer.Exit


@application.callback()
def options(
    _version_wanted: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Show the version.")
    ] = False,
) -> None:
    """Options before the command."""


def main() -> None:
    """Run the command line; what we can explain becomes one sentence, a bug stays a trace."""
    if sys.flags.optimize:
        sys.exit("lionrock never runs with -O: its assertions guard money and rights")
    # pyHanko logs the traces of what validation refuses; the verdict says it in a sentence.
    logging.getLogger("pyhanko").setLevel(logging.CRITICAL)
    try:
        application()
    except EXPLAINED as error:
        typer.echo(f"lionrock: {error}", err=True)
        sys.exit(2)
