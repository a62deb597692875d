"""lionrock payments request: ask another bank's customer to pay, and wait for the answer."""

from __future__ import annotations

import json
import time
from typing import Annotated, Any

import typer

from lionrock.cli.city import JsonOption, PortOption
from lionrock.cli.payments.outcome import FINAL, POLL_S, WaitOption, own_reference, show_outcome
from lionrock.cli.payments.town import AccountName, Town, kind_of, sentence_of

REFUSED = frozenset({"RJCT", "CANC"})


def request(
    account: Annotated[
        str | None, typer.Option("--to", metavar="BANK/ACCOUNT", help="The account to credit.")
    ] = None,
    debtor: Annotated[
        str | None,
        typer.Option("--from", metavar="CODE/ACCOUNT", help="The debtor's bank and account."),
    ] = None,
    proxy: Annotated[
        str | None, typer.Option("--from-proxy", help="The debtor's mobile number or e-mail.")
    ] = None,
    amount: Annotated[str, typer.Option("--amount", help="Such as 88.80.")] = "",
    currency: Annotated[str, typer.Option("--currency", help="HKD or CNY.")] = "HKD",
    reference: Annotated[
        str | None, typer.Option("--reference", help="Your own name of the payment.")
    ] = None,
    remittance: Annotated[str, typer.Option("--remittance", help="What the debtor reads.")] = "",
    wait_s: WaitOption = 30.0,
    port: PortOption = None,
    json_output: JsonOption = False,
) -> None:
    """Send a request to pay; exit code 1 when the debtor refuses.

    Example: lionrock payments request --to bank-lantau/902-1 --from 901/901-2 --amount 20
    """
    if not amount or (debtor is None) == (proxy is None):
        raise typer.BadParameter("--amount is needed, and one of --from and --from-proxy")
    town = Town(port)
    credited = town.account(account)
    asked = _debtor(town, credited, debtor, proxy)
    name = own_reference(reference)
    reply = town.ask_bank("POST", credited.bank, "/operator/requests", {
        "account": credited.number, "amount": amount, "currency": currency,
        "request_id": name, "end_to_end_id": name, "remittance": remittance, **asked,
    })  # fmt: skip
    if reply.status_code != 202:
        typer.echo(f"lionrock: {sentence_of(reply)}", err=True)
        raise typer.Exit(1)
    _follow(town, credited, reply.json()["request_id"], name, wait_s, json_output)


def _debtor(
    town: Town, credited: AccountName, debtor: str | None, proxy: str | None
) -> dict[str, str]:
    """The debtor as the bank needs it: by account, or by a proxy that the bank looks up."""
    if proxy is None:
        clearing_code, slash, number = (debtor or "").partition("/")
        if not slash:
            raise typer.BadParameter("--from is CODE/ACCOUNT")
        return {"debtor_clearing_code": clearing_code, "debtor_account": number}
    kind = kind_of(proxy)
    found = town.ask_bank(
        "POST", credited.bank, "/operator/lookups", {"kind": kind, "value": proxy}
    )
    if found.status_code != 200:
        typer.echo(f"lionrock: {sentence_of(found)}", err=True)
        raise typer.Exit(1)
    return {
        "debtor_clearing_code": found.json()["clearing_code"], "proxy_kind": kind, "proxy": proxy,
    }


def _follow(
    town: Town, credited: AccountName, request_id: str, name: str, wait_s: float,
    json_output: bool,
) -> None:
    """Wait for the money, or for the debtor's no."""
    until = time.monotonic() + wait_s
    while True:
        entry = _paid(town, credited, name)
        if entry is not None and entry["status"] in FINAL:
            show_outcome({**entry, "request_id": request_id}, json_output)
        listed = town.ask_bank("GET", credited.bank, "/requests").json()["requests"]
        known: dict[str, Any] = next(each for each in listed if each["id"] == request_id)
        if known["status"] in REFUSED or time.monotonic() >= until:
            break
        time.sleep(POLL_S)
    reason = f", {known['reason']}" if known["reason"] else ""
    typer.echo(json.dumps(known) if json_output else f"{known['status']}{reason}  {request_id}")
    raise typer.Exit(1 if known["status"] in REFUSED else 0)


def _paid(town: Town, credited: AccountName, name: str) -> dict[str, Any] | None:
    shown = town.ask_bank("GET", credited.bank, f"/accounts/{credited.number}").json()
    entries: list[dict[str, Any]] = shown["entries"]
    own = (e for e in entries if e["end_to_end_id"] == name and e["direction"] == "in")
    return next(own, None)
