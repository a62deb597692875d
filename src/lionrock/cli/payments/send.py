"""lionrock payments send: pay from an account of a simulated bank, and wait for the outcome."""

from __future__ import annotations

from typing import Annotated, Any

import msgspec
import typer

from lionrock.app.supervisor import CityRefused
from lionrock.cli.city import JsonOption, PortOption
from lionrock.cli.payments.outcome import WaitOption, followed, own_reference, show_outcome
from lionrock.cli.payments.qr import read_code
from lionrock.cli.payments.town import AccountName, Town, kind_of, sentence_of
from lionrock.payments.api import Code

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
    link: Annotated[
        str | None, typer.Option("--link", metavar="URL", help="Pay a payment link.")
    ] = None,
    verify: Annotated[
        bool | None,
        typer.Option(
            "--verify/--skip-verification",
            help="Have the payee's name compared before it is credited, or by nobody.",
        ),
    ] = None,
    wait_s: WaitOption = 30.0,
    port: PortOption = None,
    json_output: JsonOption = False,
) -> None:
    """Pay from an account of a simulated bank; exit code 1 when the payment came back.

    Examples:
    lionrock payments send --from bank-lantau/902-000002 --to +852-51230001 --amount 88.80
    lionrock payments send --from bank-lantau/902-000002 --to +852-51230001 --amount 20 --verify
    lionrock payments send --from bank-lantau/902-000002 --qr 000201... --amount 20
    lionrock payments send --from bank-lantau/902-000002 --link http://127.0.0.1:8400/pay/...
    """
    if link and verify is not None:
        raise typer.BadParameter("a link names its payee: --verify goes with the other ways")
    if link and not (to or to_account or code):
        town = Town(port)
        debited = town.account(account)
        path, body = "/operator/link-payments", {"account": debited.number, "url": link}
        body |= {"amount": amount} if amount else {}
    else:
        wish = _wish(to, to_account, name, code, link, amount, currency, remittance)
        town = Town(port)
        debited = town.account(account)
        path, body = "/operator/transfers", {
            "account": debited.number, "amount": wish.amount, "currency": wish.currency,
            "end_to_end_id": own_reference(reference), "remittance": wish.remittance,
            **wish.payee,
        }  # fmt: skip
        if verify is not None:
            body["payee_verification"] = "PERFORM" if verify else "SKIP"
    _pay(town, debited, path, body, wait_s, json_output)


def _pay(
    town: Town, debited: AccountName, path: str, body: dict[str, Any], wait_s: float,
    json_output: bool,
) -> None:
    """Have the bank do it, and follow what becomes of it."""
    reply = town.ask_bank("POST", debited.bank, path, body)
    if reply.status_code != 202:
        typer.echo(f"lionrock: {sentence_of(reply)}", err=True)
        raise typer.Exit(1)
    shown = reply.json()
    entry = followed(town, debited, shown["uetr"], wait_s)
    more = {"return_url": shown["return_url"]} if shown.get("return_url") else {}
    show_outcome({**entry, **more}, json_output)


def _wish(
    to: str | None, to_account: str | None, name: str, code: str | None, link: str | None,
    amount: str | None, currency: str, remittance: str,
) -> Wish:
    ways = [way for way in (to, to_account, code, link) if way]
    if len(ways) != 1:
        raise typer.BadParameter("say whom to pay: one of --to, --to-account, --qr, --link")
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
