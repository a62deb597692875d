"""lionrock payments send: pay from an account of a simulated bank, and wait for the outcome."""

from __future__ import annotations

import json
import time
from typing import Annotated, Any

import httpx
import msgspec
import typer
from rich.console import Console

from lionrock.app.supervisor import CityRefused
from lionrock.cli.city import JsonOption, PortOption
from lionrock.cli.payments.qr import read_code
from lionrock.cli.payments.town import AccountName, Town, kind_of, sentence_of
from lionrock.kernel.clock import SystemWireClock
from lionrock.kernel.ids import Ids
from lionrock.payments.api import Code

console = Console()
POLL_S = 0.2
FINAL = {"paid": 0, "returned": 1}
AmountOption = Annotated[
    str | None, typer.Option("--amount", help="A decimal amount such as 88.80.")
]


class Wish(msgspec.Struct, frozen=True, kw_only=True):
    """Whom to pay and how much, from the options or from a payment code."""

    amount: str
    currency: str
    payee: dict[str, str]
    remittance: str


def send(
    account: Annotated[
        str | None, typer.Option("--from", metavar="BANK/ACCOUNT", help="The account to debit.")
    ] = None,
    to: Annotated[
        str | None, typer.Option("--to", metavar="PROXY", help="Mobile number, e-mail or FPS ID.")
    ] = None,
    to_account: Annotated[
        str | None,
        typer.Option("--to-account", metavar="CODE/ACCOUNT", help="Clearing code and account."),
    ] = None,
    name: Annotated[str, typer.Option("--name", help="The payee's name, with --to-account.")] = "",
    code: Annotated[
        str | None, typer.Option("--qr", metavar="PAYLOAD", help="Pay a scanned payment code.")
    ] = None,
    amount: AmountOption = None,
    currency: Annotated[str, typer.Option("--currency", help="HKD or CNY.")] = "HKD",
    reference: Annotated[
        str | None, typer.Option("--reference", help="Your own name of the payment (EndToEndId).")
    ] = None,
    remittance: Annotated[str, typer.Option("--remittance", help="What the payee reads.")] = "",
    wait_s: Annotated[
        float, typer.Option("--wait", help="Seconds to wait for the outcome; 0 does not wait.")
    ] = 30.0,
    port: PortOption = None,
    json_output: JsonOption = False,
) -> None:
    """Pay from an account of a simulated bank; exit code 1 when the payment came back.

    Examples:
    lionrock payments send --from bank-lantau/902-000002 --to +852-51230001 --amount 88.80
    lionrock payments send --from bank-lantau/902-000002 --qr 000201... --amount 20
    """
    wish = _wish(to, to_account, name, code, amount, currency, remittance)
    town = Town(port)
    debited = town.account(account)
    own = reference or f"CLI-{Ids(SystemWireClock()).new('cli').rpartition('_')[2][:28]}"
    reply = town.ask_bank("POST", debited.bank, "/operator/transfers", {
        "account": debited.number, "amount": wish.amount, "currency": wish.currency,
        "end_to_end_id": own, "remittance": wish.remittance, **wish.payee,
    })  # fmt: skip
    if reply.status_code != 202:
        typer.echo(f"lionrock: {sentence_of(reply)}", err=True)
        raise typer.Exit(1)
    show_outcome(_followed(town, debited, reply, wait_s), json_output)


def _wish(
    to: str | None, to_account: str | None, name: str, code: str | None, amount: str | None,
    currency: str, remittance: str,
) -> Wish:
    ways = [way for way in (to, to_account, code) if way]
    if len(ways) != 1:
        raise typer.BadParameter("say whom to pay: one of --to, --to-account, --qr")
    if code:
        return _wish_of_code(read_code(code), amount, remittance)
    if not amount:
        raise typer.BadParameter("--amount is needed")
    payee = {"proxy_kind": kind_of(to), "proxy": to} if to else _account_payee(to_account, name)
    return Wish(amount=amount, currency=currency, payee=payee, remittance=remittance)


def _account_payee(text: str | None, name: str) -> dict[str, str]:
    clearing_code, slash, number = (text or "").partition("/")
    if not slash or not name:
        raise typer.BadParameter("--to-account is CODE/ACCOUNT, and --name names its holder")
    return {
        "creditor_clearing_code": clearing_code, "creditor_account": number, "creditor_name": name,
    }


def _wish_of_code(code: Code, amount: str | None, remittance: str) -> Wish:
    content = code.content
    if content.fps is None:
        raise CityRefused("the code has no FPS account; it is for other schemes")
    fixed = content.amount.wire() if content.amount else None
    # A static code may carry a suggestion; a dynamic one asks for exactly this.
    if fixed and amount and amount != fixed and content.is_dynamic:
        raise CityRefused(f"the code asks for {fixed}, not {amount}")
    chosen = amount or fixed
    if not chosen:
        raise typer.BadParameter("the code leaves the amount open: give --amount")
    references = content.additional
    told = [references.bill, references.reference] if references else []
    return Wish(
        amount=chosen, currency=content.currency,
        remittance=remittance or " ".join(filter(None, told)),
        payee={"proxy_kind": content.fps.proxy_kind, "proxy": content.fps.proxy},
    )


def _followed(
    town: Town, debited: AccountName, reply: httpx.Response, wait_s: float
) -> dict[str, Any]:
    """The entry in the bank's books, once it is final or the time is over."""
    entry: dict[str, Any] = reply.json()
    until = time.monotonic() + wait_s
    while entry["status"] not in FINAL and time.monotonic() < until:
        time.sleep(POLL_S)
        shown = town.ask_bank("GET", debited.bank, f"/accounts/{debited.number}").json()
        entry = next(each for each in shown["entries"] if each["uetr"] == entry["uetr"])
    return entry


def show_outcome(entry: dict[str, Any], json_output: bool) -> None:
    """Print how a payment ended; exits 1 when it came back."""
    if json_output:
        typer.echo(json.dumps(entry, ensure_ascii=False))
    else:
        reason = f", {entry['reason']}" if entry["reason"] else ""
        console.print(
            f"{entry['status']}{reason}  {entry['currency']} {entry['amount']} to "
            f"{entry['counterparty']}  ({entry['end_to_end_id']}, UETR {entry['uetr']})",
            highlight=False,
        )
    raise typer.Exit(FINAL.get(entry["status"], 0))
