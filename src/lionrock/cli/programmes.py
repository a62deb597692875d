"""lionrock programmes: decide and navigate from the command line, with no server."""

from __future__ import annotations

import json
from datetime import date
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console

from lionrock.app.schemes import FactRefused, decide_from_words, navigate_from_file

commands = typer.Typer(help="Funding schemes decided by dated rules.", no_args_is_help=True)
console = Console()
LangOption = Annotated[str, typer.Option("--lang", help="en, zh-Hant or zh-Hans.")]
OnOption = Annotated[
    str | None, typer.Option("--on", metavar="DATE", help="Decide as at this date (YYYY-MM-DD).")
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print facts as JSON.")]


@commands.command("decide")
def decide(
    scheme: Annotated[str, typer.Argument(help="Scheme id, such as nifs.")],
    fact: Annotated[
        list[str] | None, typer.Option("--fact", metavar="NAME=VALUE", help="A fact; repeat.")
    ] = None,
    on: OnOption = None,
    json_output: JsonOption = False,
    lang: LangOption = "en",
) -> None:
    """Decide one scheme: yes, no or cannot tell, with clauses, sources and the amount."""
    try:
        answer = decide_from_words(scheme, fact or [], _day(on), lang)
    except FactRefused as error:
        typer.echo(f"lionrock: {error}", err=True)
        raise typer.Exit(2) from error
    _print(answer, json_output)


@commands.command("navigate")
def navigate(
    firm: Annotated[Path, typer.Option("--firm", help="Your company's facts (TOML).")],
    on: OnOption = None,
    json_output: JsonOption = False,
    lang: LangOption = "en",
) -> None:
    """Decide every scheme for one company."""
    try:
        answers = navigate_from_file(firm, _day(on), lang)
    except FactRefused as error:
        typer.echo(f"lionrock: {error}", err=True)
        raise typer.Exit(2) from error
    if json_output:
        typer.echo(json.dumps(answers, ensure_ascii=False))
        return
    for answer in answers["decisions"]:
        console.print(f"{answer['answer']:12} {answer.get('amount') or '':>16}  "
                      f"{answer['scheme']:16} {answer['name']}", highlight=False)


def _day(text: str | None) -> date | None:
    if text is None:
        return None
    try:
        return date.fromisoformat(text)
    except ValueError as error:
        raise typer.BadParameter(f"--on: {text!r} is not a date such as 2026-02-20") from error


def _print(answer: dict[str, Any], json_output: bool) -> None:
    if json_output:
        typer.echo(json.dumps(answer, ensure_ascii=False))
        return
    console.print(f"[bold]{answer['answer']}[/bold]  {answer.get('amount') or ''}")
    for clause in answer["clauses"]:
        if not clause["applies"]:
            continue
        console.print(f"  {clause['outcome']:12} {clause['sentence']}", highlight=False)
        source = clause["source"]
        place = source.get("address") or (
            f"{source.get('section', '')} {source.get('bullet', '')}".strip())
        console.print(f"               source: {place} ({clause['basis']}, {clause['mark']})",
                      style="dim", highlight=False)
        if clause["would_change"]:
            console.print(f"               {clause['would_change']}", style="italic",
                          highlight=False)
