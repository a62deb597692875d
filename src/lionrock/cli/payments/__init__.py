"""lionrock payments: pay, ask and look up in a running sandbox city; payment codes."""

from __future__ import annotations

import typer

from lionrock.cli.payments import collect, join, lookup, qr, request, send, statement

commands = typer.Typer(
    help="Payments: pay and collect at a simulated bank, look-ups, payment codes, statements.",
    no_args_is_help=True,
)
commands.command("send")(send.send)
commands.command("collect")(collect.collect)
commands.command("lookup")(lookup.lookup)
commands.command("request")(request.request)
commands.command("statement")(statement.statement)
commands.add_typer(join.commands, name="join")
commands.add_typer(qr.commands, name="qr")
