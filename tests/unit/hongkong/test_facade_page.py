"""docs/facades.md says what the facades are."""

from __future__ import annotations

from pathlib import Path

import pytest

from lionrock.hongkong.facades.corpid import http as corpid_http
from lionrock.hongkong.facades.domain import CORPID, IAM, Wire
from lionrock.hongkong.facades.errors import FACADE_ERRORS, FacadeRefusal
from lionrock.hongkong.facades.iam import http as iam_http
from lionrock.kernel.config import Settings, load_settings
from lionrock.kernel.http import Route

PAGE = (Path(__file__).resolve().parents[3] / "docs" / "facades.md").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("wire", "row"),
    [*((IAM, row) for row in iam_http.ROUTES), *((CORPID, row) for row in corpid_http.ROUTES)],
)
def test_the_page_names_every_address(wire: Wire, row: Route) -> None:
    assert f"`{row.path.removeprefix(wire.prefix)}`" in PAGE


@pytest.mark.parametrize("refusal", FacadeRefusal)
def test_the_page_explains_every_code(refusal: FacadeRefusal) -> None:
    assert FACADE_ERRORS[refusal].oauth in PAGE


def test_facades_are_off_unless_named() -> None:
    assert Settings().facades == ()
    assert load_settings(environment={"LIONROCK_FACADES": "iam,corpid"}).facades == (
        "iam", "corpid")
