"""lionrock payments collect: a direct debit, under an authorisation that is asked for if needed."""

from __future__ import annotations

import time
from typing import Annotated, Any

import typer

from lionrock.app.supervisor import CityRefused
from lionrock.cli.city import JsonOption, PortOption
from lionrock.cli.payments.outcome import (
    POLL_S,
    WaitOption,
    followed,
    own_reference,
    show_outcome,
)
from lionrock.cli.payments.town import AccountName, Town, sentence_of


def collect(
    account: Annotated[
        str | None, typer.Option("--to", metavar="BANK/ACCOUNT", help="The account to credit.")
    ] = None,
    debtor: Annotated[
        str | None,
        typer.Option("--from", metavar="CODE/ACCOUNT", help="The debtor's bank and account."),
    ] = None,
    name: Annotated[str, typer.Option("--name", help="The debtor's name.")] = "",
    amount: Annotated[str, typer.Option("--amount", help="Such as 88.80.")] = "",
    currency: Annotated[str, typer.Option("--currency", help="HKD or CNY.")] = "HKD",
    mandate: Annotated[
        str | None, typer.Option("--mandate", help="An authorisation; else one is asked for.")
    ] = None,
    reference: Annotated[
        str | None, typer.Option("--reference", help="Your own name of the collection.")
    ] = None,
    remittance: Annotated[str, typer.Option("--remittance", help="What the debtor reads.")] = "",
    wait_s: WaitOption = 30.0,
    port: PortOption = None,
    json_output: JsonOption = False,
) -> None:
    """Collect by direct debit; exit code 1 when it is refused.

    Example:
    lionrock payments collect --to bank-lantau/902-1 --from 901/901-2 --name "A B" --amount 20
    """
    if not amount:
        raise typer.BadParameter("--amount is needed")
    town = Town(port)
    credited = town.account(account)
    is_first = mandate is None
    if mandate is None:
        mandate = _authorised(town, credited, debtor, name, amount, currency, wait_s)
    reply = town.ask_bank("POST", credited.bank, "/operator/collections", {
        "mandate_id": mandate, "amount": amount, "currency": currency,
        "end_to_end_id": own_reference(reference), "remittance": remittance,
        "sequence": "FRST" if is_first else "RCUR",
    })  # fmt: skip
    if reply.status_code != 202:
        typer.echo(f"lionrock: {sentence_of(reply)}", err=True)
        raise typer.Exit(1)
    entry = followed(town, credited, reply.json()["uetr"], wait_s)
    show_outcome({**entry, "mandate_id": mandate}, json_output)


def _authorised(
    town: Town, credited: AccountName, debtor: str | None, name: str, amount: str, currency: str,
    wait_s: float,
) -> str:
    """Ask the debtor's bank for an authorisation up to this amount, and wait for its answer."""
    clearing_code, slash, number = (debtor or "").partition("/")
    if not slash or not name:
        raise typer.BadParameter("--from is CODE/ACCOUNT and --name its holder, or give --mandate")
    request_id = own_reference(None)
    reply = town.ask_bank("POST", credited.bank, "/operator/mandates", {
        "account": credited.number, "debtor_clearing_code": clearing_code,
        "debtor_account": number, "debtor_name": name, "request_id": request_id,
        "currency": currency, "max_amount": amount,
    })  # fmt: skip
    if reply.status_code != 202:
        typer.echo(f"lionrock: {sentence_of(reply)}", err=True)
        raise typer.Exit(1)
    found = _answered(town, credited.bank, request_id, wait_s)
    if found["status"] != "active":
        typer.echo(f"lionrock: the authorisation is {found['status']}", err=True)
        raise typer.Exit(1)
    return str(found["id"])


def _answered(town: Town, bank: str, request_id: str, wait_s: float) -> dict[str, Any]:
    until = time.monotonic() + wait_s
    while True:
        listed = town.ask_bank("GET", bank, "/mandates").json()["mandates"]
        # The bank keeps what it asked for, and beside it what the switch's answer made of it.
        own = [each for each in listed if each["request_id"] == request_id]
        answered: list[dict[str, Any]] = [each for each in own if each["status"] != "asked"]
        if answered:
            return answered[0]
        if time.monotonic() >= until:
            raise CityRefused(f"the debtor's bank has not answered within {wait_s:g} s")
        time.sleep(POLL_S)
