"""lionrock payments join: a bank's way onto a switch, from the command line."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from lionrock.cli.city import JsonOption, PortOption, settings_from, told
from lionrock.cli.payments.joining import Applicant, Folder, SwitchRefused, read_key, write_key
from lionrock.kernel.clock import SystemWireClock
from lionrock.kernel.network import Network

commands = typer.Typer(
    help="Join a switch as a bank: apply, run its tests, ask to be live, change keys.",
    no_args_is_help=True,
)
console = Console()
FolderOption = Annotated[
    Path, typer.Option("--folder", metavar="DIR", help="Where key and application are kept.")
]
KeyOption = Annotated[
    Path | None, typer.Option("--key", metavar="FILE", help="Sign with this key instead.")
]
FOLDER = Path("joining")
# What is to be done at each step.
NEXT = {
    "asked": "Two operators of the switch review the application.",
    "returned": "Mend application.json as was said, then run: lionrock payments join apply",
    "agreed": "The operators set your limits next.",
    "settings": "Another operator confirms your limits next.",
    "opening": "Your accounts are being opened.",
    "go_live_asked": "Two operators of the switch decide whether you go live.",
    "live": "You are live.",
    "suspended": "You are suspended. When it is mended, run: lionrock payments join test",
    "return_asked": "Another operator decides whether you return.",
    "rejected": "It was rejected. A new application may be made.",
    "withdrawn": "It was withdrawn. A new application may be made.",
}
GO_TEST = "Run the tests that have not passed with what is in force: lionrock payments join test"
GO_LIVE = "Every test has passed. Ask to be live: lionrock payments join go-live"


@commands.command("new")
def new(
    organisation: Annotated[str, typer.Option("--organisation", help="Such as bank-harbour.")],
    code: Annotated[str, typer.Option("--code", help="The clearing code asked for: 3 digits.")],
    endpoint: Annotated[str, typer.Option("--endpoint", help="Where you take messages.")],
    name: Annotated[str, typer.Option("--name", help="Your name, in all languages for now.")],
    bic: Annotated[str, typer.Option("--bic", help="The BIC of a bank.")] = "",
    currencies: Annotated[str, typer.Option("--currencies", help="HKD, CNY or both.")] = "HKD",
    bundles: Annotated[
        bool, typer.Option("--bundles", help="You take many messages in one exchange.")
    ] = False,
    folder: FolderOption = FOLDER,
) -> None:
    """Make a signing key and an application to fill in; nothing is sent.

    Example: lionrock payments join new --organisation bank-x --code 904 --bic BANKHKHH
    --name "Bank X" --endpoint https://switch.bank-x.example
    """
    file = Folder(folder).begin({
        "organisation_id": organisation, "kind": "bank" if bic else "stored_value_facility",
        "names": dict.fromkeys(("en", "zh-Hant", "zh-Hans"), name), "clearing_code": code,
        "bic": bic, "currencies": currencies.split(","), "endpoint": endpoint,
        "contact": {"name": "", "email": "", "phone": ""},
        "test_accounts": {"open": "TEST-OPEN", "closed": "TEST-CLOSED"},
        "limits": {}, "daily_limits": {}, "keys": [], "simulated": False,
        "takes_bundles": bundles,
    })  # fmt: skip
    console.print(
        f"Made {file} and a key beside it (keep it secret). Fill in the contact and the numbers of "
        "two test accounts, then run: lionrock payments join apply",
        highlight=False, markup=False,
    )


@commands.command("apply")
def apply(
    folder: FolderOption = FOLDER,
    switch: Annotated[
        str, typer.Option("--switch", metavar="URL", help="The switch; else a city of your own.")
    ] = "",
    port: PortOption = None,
    json_output: JsonOption = False,
) -> None:
    """Send the application, or the mended one; exit code 1 when it is refused.

    Example: lionrock payments join apply --switch https://switch.example
    """
    address = switch or settings_from(None, None, None, port).public_url
    _show(_ask(Folder(folder), lambda bank: bank.apply(address)), json_output)


@commands.command("status")
def status(
    folder: FolderOption = FOLDER, key: KeyOption = None, json_output: JsonOption = False
) -> None:
    """Show where the application stands, what was said, and what to do next."""
    _show(_ask(Folder(folder, key), lambda bank: bank.show()), json_output)


@commands.command("test")
def run_tests(
    cases: Annotated[list[str] | None, typer.Argument(help="Names of tests; none: all.")] = None,
    folder: FolderOption = FOLDER,
    key: KeyOption = None,
    wait_s: Annotated[
        float, typer.Option("--wait", help="Seconds to wait for the results; 0 does not wait.")
    ] = 150.0,
    json_output: JsonOption = False,
) -> None:
    """Run tests in the lane where no money moves; exit code 1 when one has not passed.

    Example: lionrock payments join test credit_accepted
    """

    async def run(bank: Applicant) -> tuple[dict[str, Any], set[str]]:
        begun = await bank.deed("/runs", {"cases": cases or []})
        names = {each["case"] for each in begun["runs"]}
        tell_own(await bank.show(), names)
        return await bank.follow(names, wait_s, tell_result, asyncio.sleep), names

    shown, names = _ask(Folder(folder, key), run)
    _show(shown, json_output)
    ran = [each for each in shown["tests"] if each["name"] in names]
    if wait_s > 0 and any(each["state"] != "passed" for each in ran):
        raise typer.Exit(1)


@commands.command("go-live")
def go_live(
    folder: FolderOption = FOLDER, key: KeyOption = None, json_output: JsonOption = False
) -> None:
    """Ask to be live; exit code 1 names the tests that are missing."""
    _show(_ask(Folder(folder, key), lambda bank: bank.deed("/go-live")), json_output)


@commands.command("add-key")
def add_key(
    file: Annotated[Path, typer.Argument(help="A private key in PEM; made when there is none.")],
    folder: FolderOption = FOLDER,
    key: KeyOption = None,
    json_output: JsonOption = False,
) -> None:
    """Ask for a further key beside those in force; only its public half is sent.

    Example: lionrock payments join add-key joining/key-2.pem
    """
    added = (read_key(file) if file.exists() else write_key(file)).public_jwk
    _show(_ask(Folder(folder, key), lambda bank: bank.deed("/keys", {"jwk": added})), json_output)


@commands.command("retire-key")
def retire_key(
    kid: Annotated[str, typer.Argument(help="The key's name, as `status` shows it.")],
    folder: FolderOption = FOLDER,
    key: KeyOption = None,
    json_output: JsonOption = False,
) -> None:
    """Ask for a key to be retired; sign with one that stays (--key)."""
    asked = {"kid": kid}
    _show(
        _ask(Folder(folder, key), lambda bank: bank.deed("/key-retirements", asked)), json_output
    )


@commands.command("endpoint")
def endpoint(
    address: Annotated[str, typer.Argument(help="The new address; it must answer already.")],
    folder: FolderOption = FOLDER,
    key: KeyOption = None,
    json_output: JsonOption = False,
) -> None:
    """Ask for another end point; it is tested first, and again when asked again."""
    asked = {"endpoint": address}
    _show(_ask(Folder(folder, key), lambda bank: bank.deed("/endpoint", asked)), json_output)


def _ask(folder: Folder, use: Callable[[Applicant], Awaitable[Any]]) -> Any:
    """Make signed calls; one sentence and exit code 1 for what the switch refuses."""

    async def calling() -> Any:
        # The switch is whom the bank names, on its own network or not.
        network = Network(allow_private=True, ports=None)
        try:
            return await use(Applicant(folder, network, SystemWireClock()))
        finally:
            await network.close()

    try:
        return asyncio.run(calling())
    except SwitchRefused as refused:
        typer.echo(f"lionrock: {refused}", err=True)
        raise typer.Exit(1) from refused


def next_step(shown: dict[str, Any]) -> str:
    """What is to be done now, in one sentence."""
    if shown["state"] != "testing":
        return NEXT[shown["state"]]
    has_passed = all(
        each["state"] == "passed" and each["is_current"] for each in shown["tests"]
    )
    return GO_LIVE if has_passed else GO_TEST


def tell_result(test: dict[str, Any]) -> None:
    """Say how a test has ended, while others run."""
    told.print(f"{test['state']}  {test['name']}: {test['came']}", highlight=False, markup=False)


def tell_own(shown: dict[str, Any], names: set[str]) -> None:
    """Say what the bank's own system must send for those tests that wait for it."""
    lane = shown["test_lane"]
    for each in shown["tests"]:
        if each["by"] == "candidate" and each["name"] in names:
            told.print(
                f"waits   {each['name']}: send {each['expected']['en']}; EndToEndId "
                f"{each['end_to_end_id']}, from {shown['clearing_code']} to {lane['member']}, "
                f"account {lane['account']}, signed, to {lane['send_to']}",
                highlight=False, markup=False,
            )


def _show(shown: dict[str, Any], json_output: bool) -> None:
    """Print where the application stands."""
    if json_output:
        typer.echo(json.dumps(shown, ensure_ascii=False))
        return
    console.print(
        f"{shown['organisation_id']} {shown['clearing_code']}: {shown['state']}  ({shown['id']})",
        highlight=False, markup=False,
    )
    console.print(f"  end point  {shown['endpoint']}", highlight=False, markup=False)
    console.print(f"  keys       {', '.join(shown['kids'])}", highlight=False, markup=False)
    for field, label in (("limits", "a payment"), ("daily_limits", "a day    ")):
        limits = ", ".join(f"{c} {amount}" for c, amount in shown[field].items()) or "no limit"
        console.print(f"  {label}  {limits}", highlight=False, markup=False)
    for word in shown["words"]:
        said = f"  {word['decision']} ({word['step']}): {word['reasons']}"
        console.print(said, highlight=False, markup=False)
    for change in shown["changes"]:
        test = change["test"]
        tried = f", its test: {test['state']} {test['came']}" if test else ""
        said = f"  change of {change['kind']}: {change['state']}{tried}"
        console.print(said, highlight=False, markup=False)
    if any(each["state"] for each in shown["tests"]):
        console.print(_table(shown["tests"]))
    console.print(next_step(shown), highlight=False, markup=False)


def _table(tests: list[dict[str, Any]]) -> Table:
    table = Table("test", "result", "what came", box=None, pad_edge=False)
    for each in tests:
        stale = "" if each["is_current"] or not each["state"] else ", stale"
        table.add_row(each["name"], f"{each['state'] or 'not run'}{stale}", each["came"])
    return table
