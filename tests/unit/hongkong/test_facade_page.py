"""The page of the facades is made from their tables, and the tables cover the facts."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from lionrock.hongkong.facades.corpid import http as corpid_http
from lionrock.hongkong.facades.differences import FACTS, Fact
from lionrock.hongkong.facades.domain import WIRES
from lionrock.hongkong.facades.errors import FACADE_ERRORS, FacadeRefusal
from lionrock.hongkong.facades.iam import http as iam_http
from lionrock.kernel.config import Settings, load_settings

ROOT = Path(__file__).resolve().parents[3]
PATHS = {
    (name, row.path.removeprefix(WIRES[name].prefix))
    for name, routes in (("iam", iam_http.ROUTES), ("corpid", corpid_http.ROUTES))
    for row in routes
}
# Where pages lead inside; no fact states them.
INNER = {path for path in PATHS if path[1].startswith("/auth/page/")}


def test_the_page_is_made_from_this_code() -> None:
    result = subprocess.run(
        [sys.executable, "tools/docs.py", "--check", "facades.md"], cwd=ROOT,
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert result.returncode == 0, result.stdout + result.stderr[-2000:]


@pytest.mark.parametrize("fact", FACTS, ids=lambda fact: fact.stated)
def test_a_fact_is_a_row_of_the_wire_or_says_why_not(fact: Fact) -> None:
    assert set(fact.rows) <= PATHS
    assert fact.rows or fact.remark


def test_every_row_of_the_wires_comes_from_a_fact() -> None:
    covered = {row for fact in FACTS for row in fact.rows}
    assert covered == PATHS - INNER


def test_every_refusal_has_its_row_and_a_code_of_five_digits() -> None:
    assert set(FACADE_ERRORS) == set(FacadeRefusal)
    assert all(len(row.oauth) == 5 and row.oauth.isdigit() for row in FACADE_ERRORS.values())


def test_facades_are_off_unless_named() -> None:
    assert Settings().facades == ()
    assert load_settings(environment={"LIONROCK_FACADES": "iam,corpid"}).facades == (
        "iam", "corpid")
