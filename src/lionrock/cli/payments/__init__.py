"""lionrock payments: pay, ask and look up in a running sandbox city; payment codes."""

from __future__ import annotations

import typer

from lionrock.cli.payments import lookup, qr, send

commands = typer.Typer(
    help="Payments: pay from a simulated bank's account, look proxies up, payment codes.",
    no_args_is_help=True,
)
commands.command("send")(send.send)
commands.command("lookup")(lookup.lookup)
commands.add_typer(qr.commands, name="qr")
