"""lionrock demo: one company from sign-in to a paid, provable award, on a city of its own.

The city is temporary: its own data directory, ports and keys, gone when the journey ends. What the
journey produced stays in the output folder.
"""

from __future__ import annotations

import asyncio
import json
import shutil
import socket
import sys
import tempfile
import time
from datetime import date
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any, NamedTuple

import typer
from rich.console import Console, Group
from rich.live import Live
from rich.spinner import Spinner
from rich.table import Table
from rich.text import Text as RichText

from lionrock.app.schemes import FactRefused, packaged_firm, read_firm, stated_facts, today
from lionrock.app.supervisor import City
from lionrock.app.verification import verify_files
from lionrock.app.world import world_key_store
from lionrock.kernel.clock import monotonic_ms
from lionrock.kernel.config import load_settings
from lionrock.kernel.network import Network
from lionrock.programmes.api import Firm
from lionrock.sandbox.journey.runner import Step, StepResult, run_steps
from lionrock.sandbox.journey.state import Journey
from lionrock.sandbox.journey.steps import all_steps
from lionrock.sandbox.personas import load_cast

# Where there is no terminal to ask (a file, a CI log) lines may be this long.
WIDTH_ELSEWHERE = 120
console = Console(width=None if sys.stdout.isatty() else WIDTH_ELSEWHERE)
FOUNDER, COMPANY = "ada", "harbour-robotics"


class Language(StrEnum):
    """The languages of the journey."""

    en = "en"
    zh_hant = "zh-Hant"
    zh_hans = "zh-Hans"


def demo(
    firm: Annotated[
        Path | None, typer.Option("--firm", help="Your own company's facts (TOML; see examples/).")
    ] = None,
    programme: Annotated[
        str | None, typer.Option("--programme", help="Apply to this scheme, such as nifs.")
    ] = None,
    on: Annotated[
        str | None, typer.Option("--on", metavar="DATE", help="Decide as at this date.")
    ] = None,
    out: Annotated[
        Path, typer.Option("--out", help="Folder for what the journey produces.")
    ] = Path("demo-out"),
    json_file: Annotated[
        Path | None, typer.Option("--json", help="Write the outcome to a file.")
    ] = None,
    lang: Annotated[Language, typer.Option("--lang", help="Language of words and documents.")]
    = Language.en,
) -> None:
    """Take one company through the whole journey, on a temporary city of its own."""
    day = _day(on)
    try:
        own = read_firm(firm) if firm else packaged_firm()
    except FactRefused as error:
        typer.echo(f"lionrock: {error}", err=True)
        raise typer.Exit(2) from error
    started_ms = monotonic_ms()
    directory = Path(tempfile.mkdtemp(prefix="lionrock-demo-"))
    directory.chmod(0o755)
    out.mkdir(parents=True, exist_ok=True)
    try:
        board = _Board(lang.value)
        with Live(board, console=console, refresh_per_second=12, transient=True):
            wanted = _Wanted(own, firm, programme, day, out, lang.value)
            results, files = _run(directory, board, wanted)
    finally:
        shutil.rmtree(directory, ignore_errors=True)
    is_ok = all(result.ok for result in results)
    _show(results, files, lang.value, out, monotonic_ms() - started_ms)
    if json_file is not None:
        json_file.write_text(json.dumps(_outcome(results, files, is_ok), ensure_ascii=False))
    raise typer.Exit(0 if is_ok else 1)


class _Wanted(NamedTuple):
    """What the journey is to be run with."""

    firm: Firm
    firm_file: Path | None
    programme: str | None
    on: date
    out: Path
    lang: str


def _run(directory: Path, board: _Board, wanted: _Wanted) -> tuple[list[StepResult], list[Path]]:
    port = _free_ports()
    firm_file = str(wanted.firm_file.resolve()) if wanted.firm_file else None
    settings = load_settings(environment={}, overrides={
        "data_directory": str(directory), "composition": "sandbox", "firm_file": firm_file,
        "founding_date": wanted.on.isoformat(),
        "public_url": f"http://127.0.0.1:{port}", "world_url": f"http://127.0.0.1:{port + 1}",
    })  # fmt: skip
    with City(settings, narrate=board.narrate) as city:
        board.narrate("")
        cast = load_cast(wanted.firm)

        async def journey() -> tuple[list[StepResult], list[Path]]:
            network = Network(allow_private=True, ports=None)
            run = Journey(
                platform_url=city.settings.public_url, world_url=city.settings.world_url,
                network=network, world_keys=world_key_store(city.settings), lang=wanted.lang,
                on=wanted.on, out=wanted.out, founder=cast.person(FOUNDER),
                company=cast.company(COMPANY), programme_wanted=wanted.programme,
                verify=verify_files, stated=stated_facts(wanted.firm_file),
                project_title=wanted.firm.project_title,
            )  # fmt: skip
            try:
                return await run_steps(all_steps(run), board.progress), run.written
            finally:
                await network.close()

        return asyncio.run(journey())


class _Board:
    """The live display: what has been done, what is being done."""

    def __init__(self, lang: str) -> None:
        self._lang = lang
        self._done: list[StepResult] = []
        self._now = ""
        self._spinner = Spinner("dots")

    def narrate(self, line: str) -> None:
        """Show what the city is doing."""
        self._now = line

    def progress(self, step: Step, result: StepResult | None) -> None:
        """Show a step's start, then its end."""
        if result is None:
            self._now = step.title.in_language(self._lang)
        else:
            self._done.append(result)
            self._now = ""

    def __rich__(self) -> Group:
        lines: list[Any] = [
            RichText.assemble(
                ("✓ " if each.ok else "✗ ", "green" if each.ok else "red"),
                each.title.in_language(self._lang), (f"  {each.ms:,.0f} ms", "dim"),
            )
            for each in self._done
        ]
        if self._now:
            self._spinner.update(text=RichText(f" {self._now}"))
            lines.append(self._spinner)
        return Group(*lines)


def _show(
    results: list[StepResult], files: list[Path], lang: str, out: Path, total_ms: float
) -> None:
    table = Table(title="The journey", title_justify="left", show_lines=True)
    table.add_column("step", max_width=24)
    table.add_column("standard used", max_width=24)
    table.add_column("what was checked")
    table.add_column("ms", justify="right")
    for result in results:
        mark = "[green]✓[/green]" if result.ok else "[red]✗[/red]"
        checked = "\n".join(f"- {sentence}" for sentence in result.checked)
        if result.failure:
            checked += f"\n[red]{result.failure}[/red]"
        table.add_row(f"{mark} {result.title.in_language(lang)}", result.standard, checked,
                      f"{result.ms:,.0f}")
    console.print(table)
    last = results[-1]
    if last.ended:
        console.print("\n[bold]The journey ends here, in good order:[/bold]")
        for reason in last.ended:
            console.print(f"  - {reason}", highlight=False)
    if all(result.ok for result in results):
        console.print(f"\nDone in {total_ms / 1000:.1f} s. What it produced is in "
                      f"[bold]{out}[/bold]" + (":" if files else ": nothing."))
        for path in files:
            console.print(f"  {path}  ({path.stat().st_size:,} bytes)", highlight=False)
        if out / "evidence.zip" in files:
            console.print(
                "\nLook closer:\n"
                f"  lionrock verify {out}/evidence.zip --trust {out}/trust.json\n"
                f"  openssl, pdfsig or any PDF reader on {out}/*.pdf\n"
                "  lionrock up   (the same city, left running, with pages and phones)")
    else:
        console.print("\n[red]The journey failed at the last step shown.[/red]")


def _outcome(results: list[StepResult], files: list[Path], is_ok: bool) -> dict[str, Any]:
    by_name = {path.name: str(path) for path in files}
    return {
        "ok": is_ok,
        "evidence": by_name.get("evidence.zip"),
        "trust": by_name.get("trust.json"),
        "ended": list(results[-1].ended),
        "steps": [
            {"name": each.name, "ok": each.ok, "ms": round(each.ms, 1), "standard": each.standard,
             "checked": list(each.checked), "failure": each.failure}
            for each in results
        ],
    }


def _free_ports() -> int:
    """A port whose next one is free as well."""
    deadline = time.monotonic() + 5
    while time.monotonic() < deadline:
        with socket.socket() as first, socket.socket() as second:
            first.bind(("127.0.0.1", 0))
            port = int(first.getsockname()[1])
            try:
                second.bind(("127.0.0.1", port + 1))
            except OSError:
                continue
            return port
    raise OSError("no two free ports side by side")


def _day(text: str | None) -> date:
    if text is None:
        return today()
    try:
        return date.fromisoformat(text)
    except ValueError as error:
        raise typer.BadParameter(f"--on: {text!r} is not a date such as 2026-02-20") from error
