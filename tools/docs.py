"""Write the reference pages of docs/ from the code, or check that they are up to date.

`python tools/docs.py` writes docs/settings.md, errors.md, commands.md and events.md; with --check
it exits 1 when a page differs. Not for: prose, which people write.
"""

from __future__ import annotations

import ast
import importlib
import pkgutil
import sys
from collections.abc import Iterator
from pathlib import Path

import click
import typer

import lionrock
from lionrock.kernel.config import SETTINGS, Settings
from lionrock.kernel.errors import ErrorRow, Refusal

ROOT = Path(__file__).resolve().parent.parent
SOURCE = ROOT / "src" / "lionrock"
NOTE = "\nMade from the code by `python tools/docs.py`; a test keeps it true.\n"


def settings_page() -> str:
    """Every setting with its default and what it is for."""
    defaults = Settings()
    lines = ["# Settings", NOTE, "In a TOML file (`--config FILE` or LIONROCK_CONFIG), or as "
             "environment variable `LIONROCK_<NAME>`; options of a command win.\n",
             "| name | default | what it is for |", "|---|---|---|"]
    for name, sentence in SETTINGS.items():
        lines.append(f"| `{name}` | `{getattr(defaults, name)!r}` | {sentence} |")
    return "\n".join(lines) + "\n"


def errors_page() -> str:
    """Every refusal of every pillar with status, sentence and source."""
    rows = dict(_error_rows())
    lines = ["# Error codes", NOTE, "Every refusal has a stable code, the step that refused, and "
             "the clause of the standard where there is one.\n",
             "| code | status | OAuth error | sentence | source |", "|---|---|---|---|---|"]
    for code in sorted(rows):
        row = rows[code]
        lines.append(f"| `{code}` | {row.status} | {row.oauth} | {row.title} | {row.clause} |")
    return "\n".join(lines) + "\n"


def commands_page() -> str:
    """Every command with its options."""
    from lionrock.cli.main import application

    lines = ["# Commands", NOTE]
    for path, command in _commands(typer.main.get_command(application), ("lionrock",)):
        lines += [f"## {' '.join(path)}", "", command.help or "", ""]
        for parameter in command.params:
            names = ", ".join(f"`{name}`" for name in parameter.opts)
            help_text = getattr(parameter, "help", None) or ""
            lines.append(f"- {names} {help_text}".rstrip())
        lines.append("")
    return "\n".join(lines)


def events_page() -> str:
    """Every event topic and the module that emits it."""
    topics: dict[str, set[str]] = {}
    for path in sorted(SOURCE.rglob("*.py")):
        for topic in _emitted(ast.parse(path.read_text(encoding="utf-8"))):
            topics.setdefault(topic, set()).add(str(path.relative_to(SOURCE)))
    lines = ["# Events", NOTE, "Delivered at least once to every subscriber.\n",
             "| topic | emitted in |", "|---|---|"]
    for topic, files in sorted(topics.items()):
        lines.append(f"| `{topic}` | {', '.join(sorted(files))} |")
    return "\n".join(lines) + "\n"


PAGES = {"settings.md": settings_page, "errors.md": errors_page, "commands.md": commands_page,
         "events.md": events_page}


def main(arguments: list[str]) -> int:
    """Write or check the pages; returns the exit code."""
    stale = []
    for name, page in PAGES.items():
        path = ROOT / "docs" / name
        text = page()
        if "--check" in arguments:
            if not path.exists() or path.read_text(encoding="utf-8") != text:
                stale.append(name)
        else:
            path.write_text(text, encoding="utf-8")
    if stale:
        print(f"out of date: {', '.join(stale)}; run python tools/docs.py")
    return 1 if stale else 0


def _error_rows() -> Iterator[tuple[str, ErrorRow]]:
    for module_info in pkgutil.walk_packages(lionrock.__path__, "lionrock."):
        if module_info.name.endswith(("__main__", ".processes")):
            continue
        module = importlib.import_module(module_info.name)
        tables = [value for value in vars(module).values() if isinstance(value, dict)]
        for refusal, row in (item for table in tables for item in table.items()):
            if isinstance(refusal, Refusal) and isinstance(row, ErrorRow):
                yield refusal.value, row


def _commands(
    command: click.Command, path: tuple[str, ...]
) -> Iterator[tuple[tuple[str, ...], click.Command]]:
    if isinstance(command, click.Group):
        for name in sorted(command.commands):
            yield from _commands(command.commands[name], (*path, name))
    else:
        yield path, command


def _emitted(tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        if not isinstance(node, ast.Call):
            continue
        function = node.func
        name = function.attr if isinstance(function, ast.Attribute) else getattr(function, "id", "")
        if name != "emit":
            continue
        for argument in node.args:
            value = argument.value if isinstance(argument, ast.Constant) else None
            if isinstance(value, str) and "." in value:
                yield value


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
