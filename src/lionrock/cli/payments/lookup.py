"""lionrock payments lookup: whose proxy is it?"""

from __future__ import annotations

import json
from typing import Annotated

import typer
from rich.console import Console

from lionrock.cli.city import JsonOption, PortOption
from lionrock.cli.payments.town import Town, kind_of, sentence_of

console = Console()


def lookup(
    proxy: Annotated[str, typer.Argument(help="Mobile number, e-mail or FPS ID.")],
    bank: Annotated[
        str, typer.Option("--as", metavar="BANK", help="The bank that asks.")
    ] = "bank-harbour",
    kind: Annotated[
        str | None, typer.Option("--kind", help="mobile, email, fps_id; else told by its form.")
    ] = None,
    port: PortOption = None,
    json_output: JsonOption = False,
) -> None:
    """Look a proxy up as a bank does before it pays: bank and masked name.

    Example: lionrock payments lookup +852-51230001
    """
    asked = {"kind": kind or kind_of(proxy), "value": proxy}
    reply = Town(port).ask_bank("POST", bank, "/operator/lookups", asked)
    if reply.status_code != 200:
        typer.echo(f"lionrock: {sentence_of(reply)}", err=True)
        raise typer.Exit(1 if reply.status_code == 404 else 2)
    found = reply.json()
    if json_output:
        typer.echo(json.dumps(asked | found, ensure_ascii=False))
        return
    console.print(f"{found['masked_name']}  at bank {found['clearing_code']}, "
                  f"takes {', '.join(found['currencies'])}", highlight=False)  # fmt: skip
