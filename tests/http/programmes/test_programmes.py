"""Schemes, facts, decisions and the navigator through the real application and database."""

from __future__ import annotations

import hashlib
from collections.abc import AsyncIterator
from typing import Any

import asyncpg
import httpx
import pytest

from lionrock.hongkong import scheme_book
from lionrock.kernel.clock import FrozenClock
from lionrock.kernel.context import Kernel
from lionrock.kernel.http import build_application, openapi_document
from lionrock.programmes import store
from lionrock.programmes.api import Programmes
from lionrock.programmes.errors import PROGRAMMES_ERRORS, ProgrammesRefusal
from lionrock.programmes.http import table


@pytest.fixture
def programmes(kernel: Kernel) -> Programmes:
    return Programmes(kernel, scheme_book())


@pytest.fixture
async def client(kernel: Kernel, programmes: Programmes) -> AsyncIterator[httpx.AsyncClient]:
    application = build_application(kernel, [table(programmes)])
    transport = httpx.ASGITransport(app=application)
    async with httpx.AsyncClient(transport=transport, base_url="http://platform.test") as opened:
        yield opened


async def post(client: httpx.AsyncClient, path: str, **body: Any) -> httpx.Response:
    return await client.post(f"/programmes/v1/{path}", json=body)


async def test_every_scheme_is_listed_and_shown(client: httpx.AsyncClient) -> None:
    listed = (await client.get("/programmes/v1/schemes?lang=zh-Hant")).json()
    assert len(listed["schemes"]) == 61
    for row in listed["schemes"]:
        shown = await client.get(f"/programmes/v1/schemes/{row['id']}")
        assert shown.status_code == 200
        assert shown.json()["name"]["zh-Hant"] == row["name"]


async def test_unknown_scheme_is_not_found_and_the_nearest_is_named(
    client: httpx.AsyncClient,
) -> None:
    answer = await client.get("/programmes/v1/schemes/niaz")
    assert answer.status_code == 404
    assert answer.json()["code"] == "programmes.scheme_unknown"
    assert "nias" in answer.json()["detail"]
    assert (await post(client, "schemes/niaz/decision", facts={})).status_code == 404


async def test_decision_gives_answer_amount_and_clauses(client: httpx.AsyncClient) -> None:
    answer = await post(
        client, "schemes/nias/decision", facts={"project_cost_hkd": 149_999_999}, on="2025-12-01"
    )
    assert answer.status_code == 200, answer.text
    document = answer.json()
    assert (document["answer"], document["amount"]) == ("no", None)
    threshold = next(c for c in document["clauses"] if c["id"] == "nias.threshold")
    assert threshold["source"]["section"] == "Promoting New Industrialisation"
    assert threshold["outcome"] == "no"


async def test_navigator_ranks_all_61_schemes(client: httpx.AsyncClient) -> None:
    document = (await post(client, "navigator", facts={}, on="2026-02-20")).json()
    answers = [row["answer"] for row in document["decisions"]]
    assert len(answers) == 61
    assert answers == sorted(answers, key=["yes", "cannot_tell", "no"].index)
    assert sum(document["counts"].values()) == 61
    assert all(row["reason"] for row in document["decisions"])


async def test_without_a_date_today_in_hong_kong_is_used(
    client: httpx.AsyncClient, business_clock: FrozenClock
) -> None:
    assert (await post(client, "navigator", facts={})).json()["on"] == "2026-02-20"
    business_clock.advance(hours=8)  # 17:00 UTC is the next day in Hong Kong
    assert (await post(client, "navigator", facts={})).json()["on"] == "2026-02-21"


@pytest.mark.parametrize(
    ("facts", "field", "hint"),
    [
        ({"project_costs_hkd": 1}, "project_costs_hkd", "project_cost_hkd"),
        ({"project_cost_hkd": "1,000"}, "project_cost_hkd", "1500000"),
        ({"legal_form": "company_cap622"}, "legal_form", "company_cap_622"),
        ({"employees_full_time": -1}, "employees_full_time", "whole number"),
        ({"is_nias_company": "yes"}, "is_nias_company", "true or false"),
    ],
)
async def test_wrong_fact_is_refused_by_name(
    client: httpx.AsyncClient, facts: dict[str, Any], field: str, hint: str
) -> None:
    answer = await post(client, "navigator", facts=facts)
    assert answer.status_code == 422
    assert answer.json()["field"] == field
    assert hint in answer.json()["detail"]


@pytest.mark.parametrize("on", ["2026-2-20", "20260220", "2026-W08-5", "1989-12-31", "2101-01-01"])
async def test_wrong_date_is_refused(client: httpx.AsyncClient, on: str) -> None:
    for path in ("navigator", "schemes/nias/decision"):
        answer = await post(client, path, facts={}, on=on)
        assert (answer.status_code, answer.json()["code"]) == (422, "programmes.date_invalid")


async def test_unknown_member_of_the_body_is_refused(client: httpx.AsyncClient) -> None:
    assert (await post(client, "navigator", facts={}, date="2026-02-20")).status_code == 400
    assert (await post(client, "schemes/nias/decision", facts={"a": 1})).status_code == 422


async def test_three_languages_reach_the_reader(client: httpx.AsyncClient) -> None:
    questions = set()
    for lang in ("en", "zh-Hant", "zh-Hans"):
        rows = (await client.get(f"/programmes/v1/facts?lang={lang}")).json()["facts"]
        questions.add(next(r["question"] for r in rows if r["name"] == "project_cost_hkd"))
    assert len(questions) == 3


async def test_published_rule_book_is_served_byte_for_byte(
    kernel: Kernel, programmes: Programmes, client: httpx.AsyncClient
) -> None:
    digest = programmes.book.digest
    missing = await client.get(f"/programmes/v1/rule-books/{digest}")
    assert (missing.status_code, missing.json()["code"]) == (404, "programmes.rule_book_unknown")
    assert await kernel.database.run(programmes.publish_rule_book)
    assert not await kernel.database.run(programmes.publish_rule_book), "published once"
    served = await client.get(f"/programmes/v1/rule-books/{digest}")
    assert hashlib.sha256(served.content).hexdigest() == digest


async def test_rule_book_under_a_foreign_digest_is_refused_by_the_database(
    kernel: Kernel, programmes: Programmes
) -> None:
    async def insert(db: Any) -> bool:
        return await store.insert_book(
            db,
            store.StoredBook(
                digest="0" * 64, title="x", revision_date=programmes.book.revision_date,
                content=b"other", published_at=kernel.wire_clock.now(),
            ),
        )

    with pytest.raises(asyncpg.CheckViolationError, match="rule_books_digest_of_content"):
        await kernel.database.run(insert)


def test_every_refusal_has_a_row() -> None:
    assert set(PROGRAMMES_ERRORS) == set(ProgrammesRefusal)


def test_routes_are_described(programmes: Programmes) -> None:
    document = openapi_document([table(programmes)], title="t", version="1", server_url="http://x")
    body = document["paths"]["/programmes/v1/navigator"]["post"]["requestBody"]
    assert "NavigatorBody" in str(body)
    assert document["components"]["schemas"]["NavigatorBody"]["additionalProperties"] is False
