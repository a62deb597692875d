"""Every house lint holds for the tree, and each of them fails when its violation is planted."""

from __future__ import annotations

import importlib.util
import shutil
import subprocess
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[2]
STORE = "src/lionrock/payments/store.py"
SERVICE = "src/lionrock/payments/service.py"
MIGRATION = "src/lionrock/payments/migrations/0001_x.sql"
DOC = '"""What it is for."""\n'


def load() -> ModuleType:
    """The linter as a module; tools/ is a folder of commands and not a package."""
    sys.path.insert(0, str(ROOT / "tools"))
    try:
        specification = importlib.util.spec_from_file_location("tidy", ROOT / "tools" / "tidy.py")
        assert specification is not None
        assert specification.loader is not None
        module = importlib.util.module_from_spec(specification)
        sys.modules["tidy"] = module
        specification.loader.exec_module(module)
    finally:
        sys.path.remove(str(ROOT / "tools"))
    return module


tidy: Any = load()


def body(*lines: str) -> str:
    return DOC + "\n".join(lines) + "\n"


def nested(depth: int) -> str:
    lines = ["def f() -> None:", '    """Nest."""']
    lines += ["    " * (level + 1) + "if True:" for level in range(depth)]
    return body(*lines, "    " * (depth + 1) + "pass")


def function(length: int) -> str:
    return body("def f() -> None:", '    """Grow."""', *["    pass"] * (length - 2))


# For each rule: where it stands, what breaks it, and what comes close and is allowed.
CASES: list[tuple[str, str, str, str]] = [
    ("T01", SERVICE, function(71), function(70)),
    ("T02", SERVICE, body(*["A = 1"] * 400), body(*["A = 1"] * 399)),
    ("T03", SERVICE, body("#" * 101), body("#" * 100)),
    ("T03", SERVICE, body("#" * 101 + "  # noqa: X - y"), body("#" * 99 + "  # noqa: X - y")),
    ("T03", MIGRATION, "-- " + "x" * 98, "-- " + "x" * 97),
    ("T04", SERVICE, nested(4), nested(3)),
    ("T05", SERVICE, "A = 1\n", ""),
    ("T06", SERVICE, body("def f() -> None:", "    pass"), body("def _f() -> None:", "    pass")),
    ("T06", SERVICE, body("class A:", "    pass"), body("class _A:", "    def f(self): pass")),
    ("T07", SERVICE, body("db.transaction()"), body("A = [db.run(f)]")),
    ("T07", STORE, body("A = x.commit()"), body("A = commit()")),
    ("T08", SERVICE, body("A = time.time()"), body("A = clock.now()")),
    ("T08", SERVICE, body("A = [datetime.now]"), body("A = datetime.fromtimestamp(1)")),
    ("T08", SERVICE, body("A = datetime.datetime.utcnow()"), body("A = time.monotonic")),
    ("T09", SERVICE, body("import random"), body("import randomness")),
    ("T09", SERVICE, body("from secrets import token_hex"), body("from x import secrets")),
    ("T09", SERVICE, body("A = uuid.uuid4()"), body("A = ids.new('pay')")),
    ("T09", SERVICE, body("A = os.urandom(3)"), body("A = secrets.octets(3)")),
    ("T10", STORE, body('A = "SELECT now()"'), body('A = "SELECT $1"')),
    ("T10", STORE, body('A = f"INSERT {x} VALUES (CURRENT_TIMESTAMP)"'), body('A = "now() is"')),
    ("T10", MIGRATION, "x timestamptz DEFAULT clock_timestamp()", "-- never now()"),
    ("T11", SERVICE, body("A = amount_minor / 2"), body("A = amount_minor // 2")),
    ("T11", SERVICE, body("A = order.amount_minor * 0.5"), body("A = ratio * 0.5")),
    ("T11", SERVICE, body("A = float(amount)"), body("A = float(distance)")),
    ("T11", SERVICE, body("balance: float = 1"), body("weight: float = 1")),
    ("T11", SERVICE, body("def _f(amount: float): ..."), body("def _f(amount: int): ...")),
    ("T12", SERVICE, body('A = "SELECT id FROM x"'), body('A = "Select one of these"')),
    ("T12", SERVICE, body('A = f"DELETE FROM {x}"'), body('A = """Delete the rest."""')),
    ("T13", SERVICE, body("try: f()", "except Exception: pass"),
     body("try: f()", "except ValueError: pass")),
    ("T13", SERVICE, body("try: f()", "except: pass"),
     body("try: f()", "except BaseException:", "    g()", "    raise")),
    ("T14", SERVICE, body("# TO" "DO later"), body("# todolist")),
    ("T14", SERVICE, body("def _f():", "    raise Not" "ImplementedError"),
     body("try: f()", "except Not" "ImplementedError: pass")),
    ("T15", SERVICE, body("A = 1  # type: " "ignore"), body("A = 1  # type: ignore  # stubs lie")),
    ("T15", SERVICE, body("A = 1  # no" "qa: E501"), body("A = 1  # noqa: E501 - a link")),
    ("T16", SERVICE, body("# see /ro" "ot/notes"), body("# see docs/ro" "ot/notes")),
    ("T16", SERVICE, body("# https://py" "pi.org/x"), body("# https://example.org/x")),
    ("T17", SERVICE, body("def _f(amt): ..."), body("def _f(amount): ...")),
    ("T17", SERVICE, body("class _TokenManager: ..."), body("class _Tokens: ...")),
    ("T17", "src/lionrock/payments/utils.py", DOC, ""),
    ("T18", SERVICE, body("start()"), body("A = start()")),
    ("T19", SERVICE, body("from starlette.routing import Route"),
     body("from starlette.responses import Response")),
    ("T20", MIGRATION, "id text PRIMARY KEY,", "CONSTRAINT x_pk PRIMARY KEY (id),"),
    ("T20", MIGRATION, "n integer CHECK (n > 0),", "CONSTRAINT n\n    CHECK (n > 0),"),
    ("T20", MIGRATION, "o text REFERENCES a.b (id)", "CREATE UNIQUE INDEX x ON y (z);"),
    ("T21", SERVICE, body("import urllib.request"), body("import urllib.parse")),
    ("T21", SERVICE, body("from http import client"), body("from http import HTTPStatus")),
    ("T22", SERVICE, body("A = 1  # ti" "dy: allow"), body("A = 1  # ti" "dy: allow T18 - why")),
    ("T22", MIGRATION, "-- ti" "dy: allow T20", "x -- ti" "dy: allow T20 - the extension's own"),
]  # fmt: skip


def rules(path: str, text: str) -> set[str]:
    check = tidy.check_sql_file if path.endswith(".sql") else tidy.check_python
    return {violation.rule for violation in check(path, text)}


@pytest.mark.parametrize(("rule", "path", "bad", "good"), CASES)
def test_a_planted_violation_is_found_and_its_neighbour_is_not(
    rule: str, path: str, bad: str, good: str
) -> None:
    good_path = SERVICE if path.endswith("utils.py") else path
    assert rule in rules(path, bad)
    assert rule not in rules(good_path, good)


def test_every_rule_has_a_planted_violation() -> None:
    assert {case[0] for case in CASES} == set(tidy.RULES)


@pytest.mark.parametrize(
    ("rule", "path", "text"),
    [
        ("T07", "src/lionrock/kernel/db.py", body("A = x.commit()")),
        ("T08", "src/lionrock/kernel/clock.py", body("A = time.time()")),
        ("T09", "src/lionrock/kernel/ids.py", body("import random")),
        ("T12", STORE, body('A = "SELECT id FROM x"')),
        ("T12", "src/lionrock/ledger/store/journal.py", body('A = "SELECT id FROM x"')),
        ("T13", "src/lionrock/kernel/http/application.py", body("try: f()", "except Exception: 1")),
        ("T19", "src/lionrock/sandbox/world/bank.py", body("from starlette.routing import Route")),
        ("T08", "tests/unit/x.py", body("A = time.time()")),
    ],
)
def test_the_owner_of_a_rule_is_free_of_it(rule: str, path: str, text: str) -> None:
    assert rule not in rules(path, text)


def test_an_excuse_frees_its_own_line_of_its_own_rule_only() -> None:
    line = "A = amount / 2"
    assert "T11" not in rules(SERVICE, body(f"{line}  # ti" "dy: allow T11 - shown only"))
    assert "T11" in rules(SERVICE, body(f"{line}  # ti" "dy: allow T12 - another rule"))
    assert "T11" in rules(SERVICE, body(f"{line}  # ti" "dy: allow T11 - one line", line))


def test_elif_is_a_sibling_and_not_a_deeper_block() -> None:
    chain = [f"    {'if' if i == 0 else 'elif'} x == {i}: pass" for i in range(8)]
    assert "T04" not in rules(SERVICE, body("def _f(x):", *chain))


def run(root: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, str(ROOT / "tools" / "tidy.py"), str(root)],
        capture_output=True, text=True, check=False,
    )  # fmt: skip


def test_the_tree_is_tidy() -> None:
    result = run(ROOT)
    assert result.returncode == 0, result.stdout


def test_violations_planted_in_a_copy_of_a_room_break_the_check(tmp_path: Path) -> None:
    room = Path("src", "lionrock", "payments", "addressing")
    shutil.copytree(ROOT / room, tmp_path / room)
    (tmp_path / "tests").mkdir()
    (tmp_path / MIGRATION).parent.mkdir()
    before = {line for line in run(tmp_path).stdout.splitlines() if ": T" in line}
    planted = tmp_path / "src" / "lionrock" / "payments" / "planted.py"
    planted.write_text("import random\nawait_commit = db.commit()\n")
    migration = tmp_path / MIGRATION
    migration.with_name("9999_planted.sql").write_text("id text PRIMARY KEY DEFAULT now()")
    result = run(tmp_path)
    assert result.returncode == 1
    new = {line for line in result.stdout.splitlines() if ": T" in line} - before
    assert {line.split()[1] for line in new} == {"T05", "T07", "T09", "T10", "T20"}


def test_more_excuses_than_allowed_break_the_check(tmp_path: Path) -> None:
    folder = tmp_path / "src" / "lionrock" / "payments"
    folder.mkdir(parents=True)
    lines = ["A = 1  # ti" "dy: allow T18 - for the test"] * tidy.EXCUSES_MAX
    (folder / "one.py").write_text(body(*lines))
    assert tidy.check_tree(tmp_path) == []
    (folder / "one.py").write_text(body(*lines, lines[0]))
    assert [violation.rule for violation in tidy.check_tree(tmp_path)] == ["T22"]
