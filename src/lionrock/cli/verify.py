"""lionrock verify: prove a bundle offline, with no server and no database."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from lionrock.app.verification import verify_files

console = Console()


def verify(
    bundle: Annotated[Path, typer.Argument(help="The evidence bundle (zip).")],
    trust: Annotated[
        Path, typer.Option("--trust", help="The trust anchors of the city it must come from.")
    ],
    json_output: Annotated[bool, typer.Option("--json", help="Print the checks as JSON.")] = False,
) -> None:
    """Check every signature, proof and digest of an evidence bundle against trust anchors."""
    for file in (bundle, trust):
        if not file.is_file():
            typer.echo(f"lionrock: there is no file {file}", err=True)
            raise typer.Exit(2)
    verdict = verify_files(bundle.read_bytes(), trust.read_bytes())
    if json_output:
        typer.echo(json.dumps({
            "ok": verdict.ok,
            "checks": [
                {"name": c.name, "part": c.part, "ok": c.ok, "sentence": c.sentence}
                for c in verdict.checks
            ],
        }, ensure_ascii=False))
    else:
        for check in verdict.checks:
            mark = "[green]ok[/green]  " if check.ok else "[red]FAIL[/red]"
            console.print(f"{mark} {check.part}: {check.sentence}", highlight=False)
        console.print("[bold green]proved[/bold green]" if verdict.ok
                      else "[bold red]not proved[/bold red]")
    raise typer.Exit(0 if verdict.ok else 1)
