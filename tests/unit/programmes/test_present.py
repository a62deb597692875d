"""Documents: complete, in three languages, never blank, never exact where the source is not."""

from __future__ import annotations

import re
from datetime import date
from typing import Any

import msgspec
import pytest

from lionrock.hongkong import decide_json, navigate_json, scheme_book
from lionrock.programmes.documents import DecisionReply, NavigationReply, SchemeReply
from lionrock.programmes.domain import present
from tests.unit.programmes.test_golden import FITTING

BOOK = scheme_book()
ON = date(2026, 2, 20)
PLACE = re.compile(r"\{\w+(?:\.\w+)?\}")
HAN = re.compile(r"[\u4e00-\u9fff]")


def decision_of(scheme_id: str, lang: str = "en", on: date = ON, **given: Any) -> dict[str, Any]:
    facts = BOOK.vocabulary.read_all({**FITTING.get(scheme_id, {}), **given})
    assert isinstance(facts, dict), facts
    document = decide_json(scheme_id, facts, on, lang)
    assert document is not None
    return document


def clause_of(document: dict[str, Any], clause_id: str) -> dict[str, Any]:
    return next(c for c in document["clauses"] if c["id"] == clause_id)


@pytest.mark.parametrize("lang", ["en", "zh-Hant", "zh-Hans"])
@pytest.mark.parametrize("scheme_id", BOOK.schemes)
def test_every_clause_is_complete_in_every_language(scheme_id: str, lang: str) -> None:
    document = decide_json(scheme_id, {}, ON, lang)
    assert document is not None
    msgspec.convert(document, DecisionReply)
    assert document["clauses"]
    for clause in document["clauses"]:
        assert clause["sentence"]
        assert not PLACE.search(clause["sentence"]), clause["sentence"]
        assert lang == "en" or HAN.search(clause["sentence"]), clause["sentence"]
        source = clause["source"]
        assert source.get("address") or (source["section"] and source["bullet"] >= 1)
        assert clause["basis"]
        assert clause["mark"]
        if clause["decides"] and clause["outcome"] != "yes":
            assert clause["would_change"]


def test_scheme_that_is_not_executable_says_what_is_not_stated() -> None:
    document = decision_of("ftrss", applicant_types=["ugc_funded_university"])
    assert document["answer"] == "cannot_tell"
    unstated = clause_of(document, "ftrss.unstated")
    assert "the matching ratio, the ceiling, the full conditions" in unstated["sentence"]
    assert unstated["source"]["section"] == "Nurturing and pooling talents"


@pytest.mark.parametrize(
    ("scheme_id", "on", "clause_id"),
    [
        ("dtspp", "2025-09-01", "dtspp.closes"),
        ("accel_pilot", "2026-05-01", "accel_pilot.closes"),
        ("itvf", "2026-02-20", "itvf.direct"),
        ("city_challenge", "2026-02-20", "city_challenge.closes"),
        ("itiof", "2026-02-20", "itiof.planned"), ("aiss", "2024-09-30", "aiss.opens"),
        ("aiss", "2027-11-01", "aiss.closes"),
    ],
)
def test_what_the_data_decides_is_a_no_with_its_clause(
    scheme_id: str, on: str, clause_id: str
) -> None:
    document = decision_of(scheme_id, on=date.fromisoformat(on))
    assert document["answer"] == "no"
    assert clause_of(document, clause_id)["outcome"] == "no"


def test_closing_day_is_the_last_day_to_apply() -> None:
    types = ["start_up_service_provider"]
    before = decision_of("accel_pilot", on=date(2026, 4, 30), applicant_types=types)
    assert before["answer"] == "cannot_tell"
    closes = clause_of(decision_of("accel_pilot", on=date(2026, 5, 1)), "accel_pilot.closes")
    assert (closes["mark"], closes["sentence"]) == (
        "secondary", "The last day to apply is 30 April 2026.")


def test_planned_scheme_cannot_be_told_after_the_revision() -> None:
    assert decision_of("itiof", on=date(2026, 2, 21))["answer"] == "cannot_tell"


def test_conditional_amount_says_so_and_what_it_assumes() -> None:
    facts = BOOK.vocabulary.read_all({"project_cost_hkd": 150_000_000})
    assert isinstance(facts, dict)
    document = decide_json("nias", facts, date(2025, 12, 1), "en")
    assert document is not None
    assert (document["answer"], document["amount"]) == ("cannot_tell", "50000000.00")
    assert document["amount_is_conditional"] is True
    assert document["amount_assumes"] == ["nias_funding_received_hkd"]


def test_cap_that_bites_is_named() -> None:
    document = decision_of("nias", project_cost_hkd=700_000_000)
    bites = [c["id"] for c in document["clauses"] if c["bites"]]
    assert (document["amount"], bites) == ("200000000.00", ["nias.total_ceiling"])


def test_both_thresholds_are_shown_where_the_month_does_not_decide() -> None:
    document = decision_of("nias", on=date(2025, 11, 10), project_cost_hkd=200_000_000)
    threshold = clause_of(document, "nias.threshold")
    assert threshold["outcome"] == "cannot_tell"
    assert threshold["sentence"] == (
        "The total project cost is at least HK$300,000,000 or HK$150,000,000.")
    assert [r["id"] for r in threshold["rules"]][:2] == ["nias.r4", "nias.r5"]
    assert "A source that dates the rule" in threshold["would_change"]
    marked = document["with_marked_days"]
    assert marked["answer"] == "no"
    assert {"id": "nias.threshold", "outcome": "no"} in marked["clauses"]
    assert marked["days"][0]["date"] == "2025-11-18"


def test_missing_fact_is_asked_for_in_the_readers_language() -> None:
    document = decide_json("nias", {}, ON, "zh-Hant")
    assert document is not None
    change = clause_of(document, "nias.legal_form")["would_change"]
    assert change == "請說明：申請者的法律形式是甚麼？"


def test_later_date_than_known_says_so() -> None:
    assert len(decision_of("tsssu", on=ON)["notices"]) == 1
    assert "later than what is known" in decision_of("tsssu", on=date(2026, 5, 1))["notices"][1]


def test_open_window_asks_for_the_day() -> None:
    opens = clause_of(decision_of("nias", on=date(2024, 9, 15)), "nias.opens")
    assert (opens["outcome"], opens["would_change"]) == (
        "cannot_tell", "A source that gives the exact day.")
    before = clause_of(decision_of("nias", on=date(2024, 8, 1)), "nias.opens")
    assert before["would_change"] == "Another date."


def test_usual_rule_that_fails_is_for_the_committee() -> None:
    duration = clause_of(decision_of("nias", project_duration_months=37), "nias.duration")
    assert duration["outcome"] == "cannot_tell"
    assert "the committee decides" in duration["would_change"]


def test_refused_requirement_says_what_would_have_to_hold() -> None:
    document = decision_of("nias", project_cost_hkd=149_999_999)
    assert clause_of(document, "nias.threshold")["would_change"] == (
        "It would have to hold: The total project cost is at least HK$150,000,000.")


def test_nothing_left_under_a_ceiling_says_so() -> None:
    document = decision_of("nias", nias_funding_received_hkd=200_000_000)
    assert clause_of(document, "nias.total_ceiling")["would_change"].startswith("Nothing is left")


def test_unknown_scheme_has_no_document() -> None:
    assert decide_json("nothing", {}, ON, "en") is None
    assert decide_json("", {}, ON, "en") is None


@pytest.mark.parametrize(
    ("word", "scheme_id"),
    [("nias", "nias"), ("NIAS", "nias"), ("Manufacturing+", "mfgplus"), ("raise+", "raiseplus")],
)
def test_scheme_is_found_by_its_abbreviation(word: str, scheme_id: str) -> None:
    document = decide_json(word, {}, ON, "en")
    assert document is not None
    assert document["scheme"] == scheme_id


def test_undocumented_start_is_said() -> None:
    places = clause_of(decision_of("rth"), "rth.places")
    assert places["remarks"][0] == (
        "The start of this rule (rth.r1) is not documented: taken as always in force.")
    share = clause_of(decision_of("nittp", on=date(2026, 2, 1)), "nittp.share")
    assert "taken as in force from 10 January 2026" in share["remarks"][0]


@pytest.mark.parametrize("lang", ["en", "zh-Hant", "zh-Hans"])
def test_navigation_fits_its_documented_shape(lang: str) -> None:
    msgspec.convert(navigate_json({}, ON, lang), NavigationReply)


@pytest.mark.parametrize("scheme_id", BOOK.schemes)
def test_scheme_fits_its_documented_shape(scheme_id: str) -> None:
    document = present.scheme_document(BOOK, BOOK.schemes[scheme_id])
    shown = msgspec.convert(document, SchemeReply)
    assert all(r.source.address or r.source.bullet for r in shown.rules)


def test_executable_scheme_lists_the_facts_it_asks_for() -> None:
    document = present.scheme_document(BOOK, BOOK.schemes["mfgplus"])
    assert document["asks_for"] == [
        "applicant_types", "is_production_line_upgrade", "mfgplus_funding_received_hkd",
        "project_cost_hkd",
    ]
    assert all(len(present.scheme_document(BOOK, s)["asks_for"]) <= 10
               for s in BOOK.schemes.values())
