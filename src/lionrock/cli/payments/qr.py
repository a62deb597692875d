"""lionrock payments qr: read, make and draw payment codes (HKQR); needs no running city."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import msgspec
import typer
from rich.console import Console

from lionrock.cli.city import JsonOption
from lionrock.cli.payments.town import explained
from lionrock.kernel.errors import Refused
from lionrock.payments.api import (
    QR_ERRORS,
    Code,
    ContentBody,
    code_of,
    code_reply,
    decode_code,
    draw_code,
    encode_code,
)

commands = typer.Typer(help="Payment codes (HKQR): read, make, draw.", no_args_is_help=True)
console = Console()
OutOption = Annotated[
    Path | None, typer.Option("--out", metavar="FILE", help="Draw it as FILE.svg or FILE.png.")
]


@commands.command("decode")
def decode(
    payload: Annotated[str, typer.Argument(help="The text of a scanned code.")],
    out: OutOption = None,
    json_output: JsonOption = False,
) -> None:
    """Read a payment code; exit code 1 with the broken rule when it is none.

    Example: lionrock payments qr decode 00020101021126270012hk.com.hkicl...
    """
    show(read_code(payload), out, json_output)


@commands.command("encode")
def encode(
    fps_id: Annotated[str, typer.Option("--fps-id", help="The payee's FPS ID.")] = "",
    mobile: Annotated[str, typer.Option("--mobile", help="Such as +852-51230001.")] = "",
    email: Annotated[str, typer.Option("--email", help="The payee's e-mail address.")] = "",
    amount: Annotated[str, typer.Option("--amount", help="Left out: the payer chooses.")] = "",
    currency: Annotated[str, typer.Option("--currency", help="HKD or CNY.")] = "HKD",
    name: Annotated[str, typer.Option("--name", help="The payee's name.")] = "NA",
    bill: Annotated[str, typer.Option("--bill", help="Bill number.")] = "",
    reference: Annotated[str, typer.Option("--reference", help="Reference label.")] = "",
    is_dynamic: Annotated[
        bool, typer.Option("--dynamic/--static", help="For one payment, or for many.")
    ] = False,
    out: OutOption = None,
    json_output: JsonOption = False,
) -> None:
    """Make a payment code.

    Example: lionrock payments qr encode --mobile +852-51230001 --amount 20 --dynamic --out pay.svg
    """
    additional = {"bill": bill, "reference": reference}
    wanted = {
        "is_dynamic": is_dynamic, "currency": currency, "amount": amount, "name": name,
        "fps": {"fps_id": fps_id, "mobile": mobile, "email": email},
        "additional": additional if any(additional.values()) else None,
    }
    try:
        body = msgspec.convert(wanted, ContentBody)
    except msgspec.ValidationError as error:
        raise typer.BadParameter(str(error)) from error
    show(_or_exit(code_of(body)), out, json_output)


def read_code(payload: str) -> Code:
    """Read a code, or say why not and exit with 1."""
    return _or_exit(decode_code(payload))


def _or_exit(code: Code | Refused) -> Code:
    if isinstance(code, Code):
        return code
    typer.echo(f"lionrock: {explained(code, QR_ERRORS[code.refusal].title)}", err=True)
    raise typer.Exit(1)


def show(code: Code, out: Path | None, json_output: bool) -> None:
    """Print a code, and draw it when asked."""
    if out is not None:
        if out.suffix not in (".svg", ".png"):
            raise typer.BadParameter("--out ends in .svg or .png")
        out.write_bytes(draw_code(encode_code(code), "png" if out.suffix == ".png" else "svg"))
    if json_output:
        typer.echo(msgspec.json.encode(code_reply(code)).decode())
        return
    typer.echo(encode_code(code))
    plain = msgspec.to_builtins(code_reply(code).content)
    for field, value in plain.items():
        if value not in ("", None, [], False):
            console.print(f"  {field:12} {_plain(value)}", highlight=False, markup=False)
    for warning in code.warnings:
        console.print(f"  warning      {warning}", style="yellow", highlight=False)


def _plain(value: object) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{name} {each}" for name, each in value.items() if each)
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
