"""House lints: what ruff, mypy and import-linter cannot say. `python tools/tidy.py [FOLDER]`.

Reads every Python and SQL file under src, tests and tools, prints `path:line: rule sentence` for
each violation and exits 1 when there is one. A line may be excused by ending it with
a comment "tidy: allow RULE - reason". Not for: formatting, imports, types.

Invariant: every rule has a planted violation in tests/house, so that each is known to fail.
"""

from __future__ import annotations

import ast
import re
import sys
from collections.abc import Callable, Iterator
from pathlib import Path, PurePosixPath
from typing import NamedTuple

from tidy_source import (
    DEFINITION,
    FUNCTION,
    Source,
    deepest,
    dotted,
    has_float,
    imported,
    is_money,
    looks_like_sql,
    says_money,
    source_of,
    strings,
)

FUNCTION_LINES_MAX = 70
FILE_LINES_MAX = 400
LINE_CHARACTERS_MAX = 100
NESTING_MAX = 3
EXCUSES_MAX = 12

RULES = {
    "T01": "a function has at most 70 lines",
    "T02": "a file has at most 400 lines",
    "T03": "a line has at most 100 characters",
    "T04": "blocks nest at most 3 deep",
    "T05": "a module begins with a docstring",
    "T06": "a public class or function has a docstring",
    "T07": "only the kernel begins, commits or rolls back transactions",
    "T08": "time comes from kernel.clock",
    "T09": "chance comes from kernel.ids or kernel.secrets",
    "T10": "SQL does not ask the database for the time",
    "T11": "money is integer minor units: no float and no true division near an amount",
    "T12": "SQL lives in a store",
    "T13": "only kernel.http and the worker loop catch every exception",
    "T14": "no unfinished work is left in the code",
    "T15": "a silenced checker says why",
    "T16": "no path of one machine and no address of a package host",
    "T17": "a name is written in full",
    "T18": "a module does nothing when it is imported",
    "T19": "endpoints are rows of a route table; only the kernel and the world use the router",
    "T20": "a database constraint has a name",
    "T21": "the network is reached through kernel.network",
    "T22": "an excuse names its rule and its reason, and there are few",
}

_TRANSACTION_CALLS = {"commit", "rollback", "transaction"}
_CLOCKS = {
    "time.time", "time.time_ns", "datetime.now", "datetime.utcnow", "datetime.today", "date.today",
    "datetime.datetime.now", "datetime.datetime.utcnow", "datetime.date.today", "time.localtime",
    "time.gmtime",
}  # fmt: skip
_CHANCES = {"uuid.uuid1", "uuid.uuid4", "uuid.uuid7", "uuid4", "uuid7", "uuid1", "os.urandom"}
_ROUTING = (
    "src/lionrock/kernel/http/", "src/lionrock/sandbox/world/", "src/lionrock/app/world",
)  # fmt: skip
_EVERYTHING = {"everything", "Exception", "BaseException"}
_CHANCE_MODULES = {"random", "secrets"}
_WAYS_OUT = {"urllib.request", "http.client", "requests", "aiohttp"}
_SQL_TIME = re.compile(
    r"\b(?:now\s*\(\s*\)|current_(?:timestamp|date|time)\b|localtime(?:stamp)?\b"
    r"|(?:clock|statement|transaction)_timestamp\s*\()",
    re.IGNORECASE,
)
_SQL = re.compile(
    r"^\s*(?:SELECT\s+[\w*($\"']|INSERT\s+INTO\s|UPDATE\s+[\w.]+\s+SET\s|DELETE\s+FROM\s"
    r"|CREATE\s+(?:TABLE|SCHEMA|INDEX)\s|ALTER\s+TABLE\s|WITH\s+\w+\s+AS\s*\(|LOCK\s+TABLE\s)",
)
_UNFINISHED = re.compile(r"\b(?:TO" r"DO|FIX" r"ME)\b|\braise Not" r"ImplementedError\b")
_PRAGMA = re.compile(r"\s*#\s*(?:type:|no" r"qa|tidy:|fmt:)")
_SILENCER = re.compile(r"#\s*(?:type:\s*ignore|no" r"qa)(?P<codes>[\[:][^#]*?)?(?P<why>\s[#-].*)?$")
_MACHINE = re.compile(
    r"(?<![\w.])/(?:root|home/\w|Users/\w|wo" r"rk)/"
    r"|\b(?:py" r"pi\.org|files\.pythonhosted\.|registry\.npm" r"js\.)"
)
_SHORT_WORDS = {"amt", "ts", "info", "manager", "util", "utils", "helper", "helpers", "misc"}
_EXCUSE = re.compile(r"#\s*tidy:(?P<rest>.*)$|--\s*tidy:(?P<sql>.*)$")
_GOOD_EXCUSE = re.compile(r"\s*allow (?P<rule>T\d\d) - \S.*")
_NAMELESS = re.compile(
    r"(?<!\w)(?:PRIMARY\s+KEY|UNIQUE(?!\s+INDEX)|CHECK\s*\(|FOREIGN\s+KEY|REFERENCES)",
    re.IGNORECASE,
)


class Violation(NamedTuple):
    """One broken rule."""

    path: str
    line: int
    rule: str
    detail: str

    def __str__(self) -> str:
        detail = f": {self.detail}" if self.detail else ""
        return f"{self.path}:{self.line}: {self.rule} {RULES[self.rule]}{detail}"


Found = Iterator[tuple[int, str, str]]


def check_shape(source: Source) -> Found:
    """T01, T02, T03, T04: nothing grows beyond what one screen and one head hold."""
    if len(source.lines) > FILE_LINES_MAX:
        yield FILE_LINES_MAX + 1, "T02", f"{len(source.lines)}"
    for number, line in enumerate(source.lines, 1):
        # What silences a checker must stand on the line it silences, so it does not count.
        length = len(_PRAGMA.split(line)[0].rstrip())
        if length > LINE_CHARACTERS_MAX:
            yield number, "T03", f"{length}"
    for node in source.nodes:
        if isinstance(node, FUNCTION):
            length = (node.end_lineno or node.lineno) - node.lineno + 1
            if length > FUNCTION_LINES_MAX:
                yield node.lineno, "T01", f"{node.name} has {length}"
            depth = deepest(node.body)
            if depth > NESTING_MAX:
                yield node.lineno, "T04", f"{node.name} nests {depth}"


def check_docstrings(source: Source) -> Found:
    """T05, T06."""
    if source.tree.body and ast.get_docstring(source.tree) is None:
        yield 1, "T05", ""
    if not source.is_product:
        return
    classes = [node for node in source.nodes if isinstance(node, ast.ClassDef)]
    public = [node.body for node in classes if not node.name.startswith("_")]
    statements = [each for body in [source.tree.body, *public] for each in body]
    for node in [each for each in statements if isinstance(each, DEFINITION)]:
        if not node.name.startswith("_") and not ast.get_docstring(node):
            yield node.lineno, "T06", node.name


def check_calls(source: Source) -> Found:
    """T07, T08, T09: time, chance and transactions have one owner."""
    if not source.is_product or source.pillar == "kernel":
        return
    for node in source.nodes:
        line = getattr(node, "lineno", 1)
        called = getattr(node.func, "attr", "") if isinstance(node, ast.Call) else ""
        if called in _TRANSACTION_CALLS:
            yield line, "T07", f".{called}()"
        name = dotted(node)
        if name in _CLOCKS:
            yield line, "T08", name
        if name in _CHANCES:
            yield line, "T09", name
        for module in imported(node):
            if module in _CHANCE_MODULES:
                yield line, "T09", module


def check_time_in_sql(source: Source) -> Found:
    """T10, in every string of the product (migrations are read by `check_sql_file`)."""
    if source.is_product:
        for line, text in strings(source.nodes):
            if looks_like_sql(text) and _SQL_TIME.search(text):
                yield line, "T10", _SQL_TIME.search(text)[0]  # type: ignore[index]  # just found


def check_money(source: Source) -> Found:
    """T11: `/`, float() and float annotations beside a name that says money."""
    if not source.is_product:
        return
    for node in source.nodes:
        if isinstance(node, ast.BinOp) and says_money(node.left, node.right):
            if isinstance(node.op, ast.Div):
                yield node.lineno, "T11", "true division"
            if has_float(node.left, node.right):
                yield node.lineno, "T11", "a float operand"
        if isinstance(node, ast.Call) and dotted(node.func) == "float" and says_money(*node.args):
            yield node.lineno, "T11", "float()"
        if isinstance(node, ast.arg) and dotted(node.annotation) == "float" and is_money(node.arg):
            yield node.lineno, "T11", f"{node.arg}: float"
        target = node.target if isinstance(node, ast.AnnAssign) else None
        if target and dotted(getattr(node, "annotation", None)) == "float" and says_money(target):
            yield target.lineno, "T11", f"{dotted(target)}: float"


def check_sql_place(source: Source) -> Found:
    """T12."""
    allowed = source.is_room("store") or source.pillar == "kernel"
    if source.is_product and not allowed:
        for line, text in strings(source.nodes):
            if _SQL.match(text):
                yield line, "T12", text.strip().split("\n")[0][:40]


def check_exceptions(source: Source) -> Found:
    """T13."""
    allowed = source.path.startswith("src/lionrock/kernel/http/") or source.path.endswith(
        "kernel/jobs.py"
    )
    for node in source.nodes:
        if source.is_product and not allowed and isinstance(node, ast.ExceptHandler):
            caught = node.type.elts if isinstance(node.type, ast.Tuple) else [node.type]
            names = {dotted(each) if each else "everything" for each in caught}
            # Cleaning up and passing the same exception on swallows nothing.
            last = node.body[-1]
            is_passed_on = isinstance(last, ast.Raise) and last.exc is None
            for name in set() if is_passed_on else names & _EVERYTHING:
                yield node.lineno, "T13", name


def check_lines(source: Source) -> Found:
    """T14, T15, T16: words that have no place in any line."""
    for number, line in enumerate(source.lines, 1):
        unfinished = _UNFINISHED.search(line)
        if unfinished:
            yield number, "T14", unfinished[0]
        silencer = _SILENCER.search(line)
        if silencer and not silencer["why"]:
            yield number, "T15", silencer[0].strip()
        machine = _MACHINE.search(line)
        if machine:
            yield number, "T16", machine[0]


def check_names(source: Source) -> Found:
    """T17: modules, classes, functions and parameters."""
    words = [(1, PurePosixPath(source.path).stem)]
    for node in source.nodes:
        if isinstance(node, DEFINITION):
            words.append((node.lineno, node.name))
        if isinstance(node, ast.arg):
            words.append((node.lineno, node.arg))
    for line, name in words:
        parts = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name).lower().split("_")
        for word in _SHORT_WORDS & set(parts):
            yield line, "T17", f"{name} ({word})"


def check_imports(source: Source) -> Found:
    """T18, T19, T21: importing does nothing, and opens no second way in or out."""
    if not source.is_product:
        return
    may_route = source.path.startswith(_ROUTING)
    for node in source.tree.body:
        # The command line's library takes its commands by calls.
        is_call = isinstance(node, ast.Expr) and isinstance(node.value, ast.Call)
        if is_call and source.pillar != "cli":
            yield node.lineno, "T18", ""
    for each in source.nodes:
        for module in imported(each):
            if module in ("starlette.routing", "starlette.applications") and not may_route:
                yield getattr(each, "lineno", 1), "T19", module
            if module in _WAYS_OUT:
                yield getattr(each, "lineno", 1), "T21", module


CHECKS: tuple[Callable[[Source], Found], ...] = (
    check_shape, check_docstrings, check_calls, check_time_in_sql, check_money, check_sql_place,
    check_exceptions, check_lines, check_names, check_imports,
)  # fmt: skip


def check_python(path: str, text: str) -> list[Violation]:
    """Check one Python file given as text; `path` is relative to the repository."""
    source = source_of(path, text)
    found = [(line, rule, detail) for check in CHECKS for line, rule, detail in check(source)]
    return _without_excused(path, source.lines, found)


def check_sql_file(path: str, text: str) -> list[Violation]:
    """Check one migration: T03, T10, T14, T16, T20."""
    found: list[tuple[int, str, str]] = []
    before = ""
    for number, line in enumerate(text.splitlines(), 1):
        code = line.split("--")[0]
        if len(line) > LINE_CHARACTERS_MAX:
            found.append((number, "T03", f"{len(line)}"))
        for rule, pattern in (("T10", _SQL_TIME), ("T14", _UNFINISHED), ("T16", _MACHINE)):
            searched = pattern.search(code if rule == "T10" else line)
            if searched:
                found.append((number, rule, searched[0]))
        # A named constraint may take two lines: its name on the first, its rule on the second.
        if _NAMELESS.search(code) and "CONSTRAINT" not in f"{before} {code}".upper():
            found.append((number, "T20", code.strip()[:40]))
        before = code if code.strip() else before
    return _without_excused(path, text.splitlines(), found)


def check_tree(root: Path) -> list[Violation]:
    """Check all files of a repository; at most EXCUSES_MAX lines may be excused."""
    violations: list[Violation] = []
    excuses = 0
    for folder in ("src", "tests", "tools"):
        for file in sorted((root / folder).rglob("*")):
            if "node_modules" in file.parts or file.suffix not in (".py", ".sql"):
                continue
            path = file.relative_to(root).as_posix()
            text = file.read_text(encoding="utf-8")
            check = check_python if file.suffix == ".py" else check_sql_file
            violations += check(path, text)
            is_planting = path.startswith(("tests/house/", "tools/tidy"))
            excuses += 0 if is_planting else sum(map(_is_excuse, text.splitlines()))
    if excuses > EXCUSES_MAX:
        violations.append(Violation(".", 0, "T22", f"{excuses} excuses, {EXCUSES_MAX} allowed"))
    return violations


def _without_excused(
    path: str, lines: list[str], found: list[tuple[int, str, str]]
) -> list[Violation]:
    kept = []
    for line, rule, detail in sorted(found):
        excuse = _EXCUSE.search(lines[line - 1]) if 0 < line <= len(lines) else None
        good = _GOOD_EXCUSE.fullmatch((excuse["rest"] or excuse["sql"] or "") if excuse else "")
        if good is None or good["rule"] != rule:
            kept.append(Violation(path, line, rule, detail))
    for number, text in enumerate(lines, 1):
        excuse = _EXCUSE.search(text)
        if excuse and not _GOOD_EXCUSE.fullmatch(excuse["rest"] or excuse["sql"] or ""):
            kept.append(Violation(path, number, "T22", text.strip()[:60]))
    return kept


def _is_excuse(line: str) -> bool:
    return _EXCUSE.search(line) is not None


def main(arguments: list[str]) -> int:
    """Print every violation; 0 when there is none."""
    root = Path(arguments[0]) if arguments else Path(__file__).resolve().parent.parent
    violations = check_tree(root)
    for violation in violations:
        print(violation)
    print(f"tidy: {len(violations)} violations" if violations else "tidy: the house is in order")
    return 1 if violations else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
