"""lionrock payments statement: a customer's statement, or a participant's at the switch."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any

import httpx
import typer
from rich.console import Console

from lionrock.cli.city import JsonOption, PortOption
from lionrock.cli.payments.town import Town, sentence_of

console = Console()
FORMATS = ("json", "csv", "camt.053")
PAGES_MAX = 10_000


def statement(
    account: Annotated[
        str | None, typer.Argument(metavar="[BANK/ACCOUNT]", help="A customer's account.")
    ] = None,
    participant: Annotated[
        str | None,
        typer.Option("--participant", metavar="BANK", help="A bank's own account at the switch."),
    ] = None,
    statement_id: Annotated[
        str | None, typer.Option("--id", help="With --participant: the statement to export.")
    ] = None,
    export: Annotated[
        str, typer.Option("--format", help="With --id: json, csv or camt.053.")
    ] = "json",
    page: Annotated[int, typer.Option("--page", help="With --id: a page of 1,000 entries.")] = 1,
    currency: Annotated[str, typer.Option("--currency", help="HKD or CNY.")] = "HKD",
    out: Annotated[Path | None, typer.Option("--out", help="Write the export to a file.")] = None,
    port: PortOption = None,
    json_output: JsonOption = False,
) -> None:
    """Show a statement of a customer, or list and export a bank's end-of-day statements.

    Examples:
    lionrock payments statement bank-harbour/901-777001
    lionrock payments statement --participant bank-harbour
    lionrock payments statement --participant bank-harbour --id stm_... --format camt.053
    """
    if (account is None) == (participant is None):
        raise typer.BadParameter("name an account, or a bank with --participant")
    if export not in FORMATS or not 1 <= page <= PAGES_MAX:
        raise typer.BadParameter(f"--format is one of {', '.join(FORMATS)}, --page at least 1")
    town = Town(port)
    if participant is None:
        named = town.account(account)
        reply = town.ask_bank("GET", named.bank, f"/accounts/{named.number}")
        _show_customer(reply.json(), json_output)
        return
    if statement_id is None:
        path = f"/operator/statements?currency={currency}"
        _show_list(_found(town.ask_bank("GET", participant, path)).json(), json_output)
        return
    path = f"/operator/statements/{statement_id}?format={export}&page={page}"
    content = _found(town.ask_bank("GET", participant, path)).content
    if out is None:
        typer.echo(content.decode())
    else:
        out.write_bytes(content)


def _found(reply: httpx.Response) -> httpx.Response:
    if reply.status_code != 200:
        typer.echo(f"lionrock: {sentence_of(reply)}", err=True)
        raise typer.Exit(1)
    return reply


def _show_customer(shown: dict[str, Any], json_output: bool) -> None:
    if json_output:
        typer.echo(json.dumps(shown, ensure_ascii=False))
        return
    balances = ", ".join(f"{code} {sum_}" for code, sum_ in shown["balances"].items())
    console.print(f"{shown['name']}  {shown['number']}  {balances}", highlight=False, markup=False)
    for entry in shown["entries"]:
        sign = "+" if entry["direction"] == "in" else "-"
        console.print(
            f"  {entry['booked_at'][:19]}  {sign}{entry['amount']:>12} {entry['currency']}  "
            f"{entry['status']:10} {entry['reason']:5} {entry['counterparty']}  "
            f"{entry['end_to_end_id']}",
            highlight=False, markup=False,
        )


def _show_list(listed: dict[str, Any], json_output: bool) -> None:
    if json_output:
        typer.echo(json.dumps(listed, ensure_ascii=False))
        return
    for each in listed["statements"]:
        console.print(
            f"{each['id']}  {each['business_date']}  {each['opening']} -> {each['closing']}",
            highlight=False, markup=False,
        )
    if not listed["statements"]:
        console.print("no statement yet: they are cut at midnight in Hong Kong")
