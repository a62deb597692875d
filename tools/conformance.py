"""Make docs/conformance-identity.md: each listed behaviour, the tests that prove it, the result.

`python tools/conformance.py` runs every test marked with `behaviour` and writes the page; --stale
runs those of behaviours whose row is old and keeps the other rows as they were found; --check
only compares list, marks and page, without running anything: an id that nobody knows, a behaviour
without a test, and a page that is old are problems. The list of behaviours is
tests/behaviours/identity.toml. Not for: claiming more than was run here; tests that need a browser
or Node or a Debian package (`make test-interop`) are not run and prove nothing on the page.
"""

from __future__ import annotations

import sys
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import pytest

ROOT = Path(__file__).resolve().parent.parent
LIST = ROOT / "tests" / "behaviours" / "identity.toml"
PAGE = ROOT / "docs" / "conformance-identity.md"
TESTS = ROOT / "tests"
MARK = "mark.behaviour("
NO_TEST = "no test"


class Proof(NamedTuple):
    """One test that carries a behaviour's id, and how it ended ("" when it was not run)."""

    test: str
    outcome: str


class Row(NamedTuple):
    """A behaviour's row of a written page."""

    result: str
    tests: list[str]


class Collector:
    """A pytest plug-in: which tests carry which ids, and how they ended."""

    def __init__(self, written: Mapping[str, Row] | None = None) -> None:
        self.written = written
        self.tests: dict[str, list[str]] = {}
        self.outcomes: dict[str, str] = {}

    # Last: pytest has by then taken out what is not run here.
    @pytest.hookimpl(trylast=True)
    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        """Keep the tests that carry an id; with a page, those of its old rows."""
        carried = {item: _ids(item) for item in items}
        for item, ids in carried.items():
            for behaviour in ids:
                self.tests.setdefault(behaviour, []).append(item.nodeid)
        old = self.old_rows()
        items[:] = [item for item, ids in carried.items() if ids & old]

    def old_rows(self) -> set[str]:
        """The behaviours to run: all, or those whose row lists other tests or did not pass."""
        if self.written is None:
            return set(self.tests)
        listed = {b: [p.test for p in proofs] for b, proofs in self.proofs().items()}
        rows = self.written
        return {b for b, names in listed.items() if rows.get(b) != Row("passed", names)}

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Remember the worst of set-up, call and tear-down."""
        if report.when == "call" or not report.passed:
            self.outcomes[report.nodeid] = report.outcome

    def proofs(self) -> dict[str, list[Proof]]:
        """The tests of each behaviour, one line per function with its worst outcome."""
        found: dict[str, list[Proof]] = {}
        for behaviour, tests in self.tests.items():
            worst: dict[str, str] = {}
            for test in tests:
                name, outcome = test.split("[", 1)[0], self.outcomes.get(test, "")
                if worst.get(name) in (None, "passed"):
                    worst[name] = outcome
            found[behaviour] = [Proof(name, outcome) for name, outcome in sorted(worst.items())]
        return found


def load_list() -> list[dict[str, Any]]:
    """The groups of behaviours in their order."""
    groups: list[dict[str, Any]] = tomllib.loads(LIST.read_text(encoding="utf-8"))["group"]
    return groups


def page(groups: list[dict[str, Any]], collector: Collector) -> str:
    """The page: a summary, then a table per group."""
    proofs, old, written = collector.proofs(), collector.old_rows(), collector.written or {}
    rows = [b for group in groups for b in group.get("behaviours", {})]
    results = {
        b: "passed" if b in proofs and b not in old and written else _result(proofs.get(b, []))
        for b in rows
    }
    held = list(results.values()).count("passed")
    tests = {proof.test for found in proofs.values() for proof in found}
    lines = [
        "# Identity: what was held to which behaviour", "",
        "Made by `python tools/conformance.py`, which runs the tests named here; a test keeps the "
        "list true.", "",
        f"**{held} of {len(rows)} behaviours passed**, in {len(tests)} tests. This is our own port "
        "of the behaviours: the official suite was not run, and nothing here is a certificate. "
        "What was not run stands at the end.", "",
    ]  # fmt: skip
    for group in groups:
        lines += [f"## {group['title']}", "", f"Source: {group['source']}.", ""]
        lines += ["| behaviour | what must hold | result | tests |", "|---|---|---|---|"]
        for behaviour, sentence in group.get("behaviours", {}).items():
            found = proofs.get(behaviour, [])
            names = "<br>".join(f"`{proof.test.replace('::', ' :: ')}`" for proof in found)
            lines.append(f"| {behaviour} | {sentence} | {results[behaviour]} | {names} |")
        for behaviour, sentence in group.get("not_run", {}).items():
            lines.append(f"| {behaviour} | {sentence} | not run | |")
        lines.append("")
    return "\n".join(lines)


def rows_of_page() -> dict[str, Row]:
    """The rows of the written page, if there is one, by behaviour."""
    found: dict[str, Row] = {}
    text = PAGE.read_text(encoding="utf-8") if PAGE.exists() else ""
    for line in text.splitlines():
        cells = [cell.strip() for cell in line.split("|")]
        if len(cells) == 6 and cells[1] not in ("behaviour", "---"):
            names = [name.strip("`").replace(" :: ", "::") for name in cells[4].split("<br>")]
            found[cells[1]] = Row(cells[3], [name for name in names if name])
    return found


def check(collector: Collector) -> list[str]:
    """What is wrong between list, marks and page: unknown ids, tests that came or went."""
    groups = load_list()
    known = {b for group in groups for b in group.get("behaviours", {})}
    problems = [f"no such behaviour: {b}" for b in sorted(collector.tests.keys() - known)]
    written = rows_of_page()
    proofs = collector.proofs()
    for behaviour in sorted(known):
        now = [proof.test for proof in proofs.get(behaviour, [])]
        if not now:
            problems.append(f"no test: {behaviour}")
        if behaviour not in written or written[behaviour].tests != now:
            problems.append(f"the page is old: {behaviour}")
    return problems


def marked_files() -> list[str]:
    """The test files that carry a mark; the others need not be imported."""
    files = sorted(TESTS.rglob("test_*.py"))
    return [str(file) for file in files if MARK in file.read_text(encoding="utf-8")]


def main(arguments: list[str]) -> int:
    """Write the page, or check it."""
    collector = Collector(rows_of_page() if "--stale" in arguments else None)
    is_check = "--check" in arguments
    options = [
        "-q",
        "-p",
        "no:cacheprovider",
        "-m",
        "not interop and not slow",
        *marked_files(),
    ]
    if is_check:
        options = ["--collect-only", "-qq", *options]
    ended = pytest.main(options, plugins=[collector])
    if is_check:
        problems = check(collector) if ended == 0 else ["the tests cannot be collected; see above"]
        for problem in problems:
            print(problem)
        return 1 if problems else 0
    PAGE.write_text(page(load_list(), collector), encoding="utf-8")
    return int(ended)


def _ids(item: pytest.Item) -> set[str]:
    return {str(behaviour) for mark in item.iter_markers("behaviour") for behaviour in mark.args}


def _result(proofs: list[Proof]) -> str:
    if not proofs:
        return NO_TEST
    outcomes = {proof.outcome for proof in proofs}
    return "passed" if outcomes == {"passed"} else "FAILED" if "failed" in outcomes else "not run"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
