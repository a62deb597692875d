"""Write the reference pages of docs/ from the code, or check that they are up to date.

`python tools/docs.py` writes settings.md, errors.md, commands.md, events.md, routes.md and
facades.md in docs/, or only those named; with --check it exits 1 when a page differs.
Not for: prose, which people write.
"""

from __future__ import annotations

import ast
import importlib
import pkgutil
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any, NamedTuple

import typer

import lionrock
from lionrock.kernel.clock import OffsetBusinessClock, SystemWireClock
from lionrock.kernel.config import SETTINGS, Settings
from lionrock.kernel.context import Kernel
from lionrock.kernel.db import Database
from lionrock.kernel.errors import ErrorRow, Refusal
from lionrock.kernel.http import RouteTable
from lionrock.kernel.ids import Ids
from lionrock.kernel.keys import KeyStore
from lionrock.kernel.network import Network

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


class Emission(NamedTuple):
    """One place that emits: the topic, the names of what it carries, the module."""

    topic: str
    fields: tuple[str, ...]
    module: str


def events_page() -> str:
    """Every event topic, what it carries and the module that emits it."""
    lines = ["# Events", NOTE, "Delivered at least once to every subscriber. In a topic, `<name>` "
             "stands for a state.\n", "| topic | carries | emitted in |", "|---|---|---|"]
    for each in sorted(set(emissions())):
        carried = ", ".join(f"`{name}`" for name in each.fields)
        lines.append(f"| `{each.topic}` | {carried} | {each.module} |")
    return "\n".join(lines) + "\n"


def emissions() -> Iterator[Emission]:
    """Every call of `outbox.emit`; one whose topic cannot be read is a ValueError."""
    for path in sorted(SOURCE.rglob("*.py")):
        module = str(path.relative_to(SOURCE))
        yield from emissions_of(ast.parse(path.read_text(encoding="utf-8")), module)


def routes_page() -> str:
    """Every endpoint of the composed platform."""
    lines = ["# Routes", NOTE, "The same in every city. A running city describes bodies, answers "
             "and checks under `/reference` and `/openapi.json`.\n"]
    for table in route_tables():
        lines += [f"## {table.pillar}", "", "| endpoint | what it is for | scope | source |",
                  "|---|---|---|---|"]
        for route in sorted(table.routes, key=lambda each: (each.path, each.method)):
            lines.append(f"| `{route.method} {route.path}` | {route.summary} | {route.scope} | "
                         f"{route.clause} |")
        lines.append("")
    return "\n".join(lines)


def route_tables() -> Sequence[RouteTable]:
    """The tables of the platform, composed without a database: nothing is asked of it."""
    from lionrock.app.platform import Platform
    from lionrock.ledger.api import connect

    clock = SystemWireClock()
    with tempfile.TemporaryDirectory() as folder:
        kernel = Kernel(
            settings=Settings(data_directory=folder), database=Database(None), wire_clock=clock,
            business_clock=OffsetBusinessClock(clock, timedelta(0)), ids=Ids(clock),
            key_store=KeyStore(Path(folder), "for this page only"),
            network=Network(applications={}),
        )  # fmt: skip
        return Platform(kernel, connect("unix:/nowhere")).application().tables


def facades_page() -> str:
    """The wire-style facades: their rows, codes, differences and readings."""
    from lionrock.hongkong.facades import differences as told
    from lionrock.hongkong.facades.corpid.http import ROUTES as CORPID_ROUTES
    from lionrock.hongkong.facades.domain import CORPID, IAM
    from lionrock.hongkong.facades.errors import FACADE_ERRORS
    from lionrock.hongkong.facades.iam.http import ROUTES as IAM_ROUTES

    lines = ["# Wire-style facades of Hong Kong", NOTE, told.INTRODUCTION]
    for wire, routes in ((IAM, IAM_ROUTES), (CORPID, CORPID_ROUTES)):
        lines += [f"| below `{wire.prefix}` | what |", "|---|---|"]
        lines += [f"| {row.method} `{row.path.removeprefix(wire.prefix)}` | {row.summary} |"
                  for row in routes]
        lines.append("")
    lines += ["## Codes", "", "After the letter: D for persons, M for companies. 00000 is done.\n",
              "| code | status | sentence |", "|---|---|---|"]
    rows = sorted(FACADE_ERRORS.values(), key=lambda row: (row.oauth, row.title))
    lines += [f"| {row.oauth} | {row.status} | {row.title} |" for row in rows]
    lines += ["", "## What the facts state, and where it is", "",
              "| the facts | rows | remark |", "|---|---|---|"]
    for fact in told.FACTS:
        where = ", ".join(f"{name} `{path}`" for name, path in fact.rows) or "not built"
        lines.append(f"| {fact.stated} | {where} | {fact.remark} |")
    lines += ["", "## Where we are stricter", "", "| the facts | here | why |", "|---|---|---|"]
    lines += [f"| {each.stated} | {each.here} | {each.why} |" for each in told.DIFFERENCES]
    lines += ["", told.LIMIT, "## Read as", *(f"- {reading}" for reading in told.READINGS)]
    return "\n".join(lines) + "\n"


PAGES = {"settings.md": settings_page, "errors.md": errors_page, "commands.md": commands_page,
         "events.md": events_page, "routes.md": routes_page, "facades.md": facades_page}


def main(arguments: list[str]) -> int:
    """Write or check the pages, all or those named; returns the exit code."""
    stale = []
    named = [name for name in arguments if name in PAGES]
    for name, page in ((name, PAGES[name]) for name in named or PAGES):
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


def _commands(command: Any, path: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], Any]]:
    # typer brings its own copy of click: a group is known by its commands, not by its class.
    yield path, command
    members = getattr(command, "commands", {})
    for name in sorted(members):
        yield from _commands(members[name], (*path, name))


def emissions_of(tree: ast.Module, module: str) -> Iterator[Emission]:
    """The emissions of one module; topics may be literals, constants or a choice of them."""
    assigned: dict[str, ast.expr] = {
        alias.asname or alias.name: ast.Constant(value)
        for node in ast.walk(tree) if isinstance(node, ast.ImportFrom) and node.module
        for alias in node.names if alias.name.endswith("_TOPIC")
        for value in [getattr(importlib.import_module(node.module), alias.name)]
    }
    assigned |= {
        target.id: node.value
        for node in ast.walk(tree) if isinstance(node, ast.Assign)
        for target in node.targets if isinstance(target, ast.Name)
    }
    for node in ast.walk(tree):
        if not isinstance(node, ast.Call) or ast.unparse(node.func) != "outbox.emit":
            continue
        _, _, topic, payload = node.args
        fields = tuple(
            str(key.value) for key in getattr(payload, "keys", ()) if isinstance(key, ast.Constant)
        )
        for name in _topics(topic, assigned):
            yield Emission(name, fields, module)


def _topics(expression: ast.expr, assigned: Mapping[str, ast.expr]) -> Iterator[str]:
    match expression:
        case ast.Constant(value=str(topic)):
            yield topic
        case ast.Name(id=name) if name in assigned:
            yield from _topics(assigned[name], assigned)
        case ast.IfExp(body=one, orelse=other):
            yield from _topics(one, assigned)
            yield from _topics(other, assigned)
        case ast.JoinedStr(values=parts):
            yield "".join(
                str(part.value) if isinstance(part, ast.Constant)
                else f"<{ast.unparse(getattr(part, 'value', part))}>"
                for part in parts
            )
        case _:
            raise ValueError(f"line {expression.lineno}: a topic must be readable from the code")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
