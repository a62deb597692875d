"""Waiting for what becomes of a payment in a simulated bank's books, and showing it."""

from __future__ import annotations

import json
import time
from typing import Annotated, Any

import typer
from rich.console import Console

from lionrock.cli.payments.town import AccountName, Town
from lionrock.kernel.clock import SystemWireClock
from lionrock.kernel.ids import Ids

POLL_S = 0.2
# How an entry ends, with the command's exit code.
FINAL = {"paid": 0, "confirmed": 0, "returned": 1, "reversed": 1, "refused": 1}
WaitOption = Annotated[
    float, typer.Option("--wait", help="Seconds to wait for the outcome; 0 does not wait.")
]
console = Console()


def own_reference(given: str | None) -> str:
    """The payment's name (EndToEndId): the one given, or a new one."""
    return given or f"CLI-{Ids(SystemWireClock()).new('cli').rpartition('_')[2][:28]}"


def followed(town: Town, account: AccountName, uetr: str, wait_s: float) -> dict[str, Any]:
    """The entry in the bank's books, once it is final or the time is over."""
    until = time.monotonic() + wait_s
    while True:
        shown = town.ask_bank("GET", account.bank, f"/accounts/{account.number}").json()
        entry: dict[str, Any] = next(e for e in shown["entries"] if e["uetr"] == uetr)
        if entry["status"] in FINAL or time.monotonic() >= until:
            return entry
        time.sleep(POLL_S)


def show_outcome(entry: dict[str, Any], json_output: bool) -> None:
    """Print how a payment ended; exits with 1 when it came back."""
    if json_output:
        typer.echo(json.dumps(entry, ensure_ascii=False))
    else:
        reason = f", {entry['reason']}" if entry["reason"] else ""
        way = "to" if entry["direction"] == "out" else "from"
        console.print(
            f"{entry['status']}{reason}  {entry['currency']} {entry['amount']} {way} "
            f"{entry['counterparty']}  ({entry['end_to_end_id']}, UETR {entry['uetr']})",
            highlight=False,
        )
    raise typer.Exit(FINAL.get(entry["status"], 0))
