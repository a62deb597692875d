"""The packaged data is the seed's, complete, in three languages, and checked when loaded."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import pytest

import lionrock.hongkong
from lionrock.hongkong import scheme_book
from lionrock.hongkong.packaged import PackagedDataError, read_bytes, read_json, rule_file_names
from lionrock.hongkong.seed_schemes import FactTable, SeedSchemes
from lionrock.programmes.api import Boundary, Requirement, texts

EXECUTABLE = {"nifs", "nias", "mfgplus", "nittp", "rth", "tsssu"}
BOOK = scheme_book()


@pytest.mark.parametrize("name", ["schemes", "systems", "organisations", "figures"])
def test_packaged_facts_are_the_seed_byte_for_byte(shared: Path, name: str) -> None:
    assert read_bytes(f"{name}.json") == (shared / "seed" / f"{name}.json").read_bytes()


def test_all_61_schemes_are_in_the_book_and_six_are_executable() -> None:
    assert len(BOOK.schemes) == 61
    assert {s.id for s in BOOK.schemes.values() if s.is_executable} == EXECUTABLE
    assert {name.split("/")[1].split(".")[0] for name in rule_file_names()} == EXECUTABLE


def test_every_scheme_has_name_and_summary_in_three_languages() -> None:
    for scheme in BOOK.schemes.values():
        record = scheme.record
        for text in (record.name, record.summary):
            assert text.en
            assert text.zh_hant
            assert text.zh_hans
        assert record.summary.en != record.summary.zh_hant
        assert record.name_basis in ("official", "ours")
        assert record.source.section
        assert record.source.bullet >= 1


def test_every_rule_of_the_seed_is_in_the_book_with_its_source(shared: Path) -> None:
    seed = json.loads((shared / "seed" / "schemes.json").read_text())
    expected = {rule["id"] for scheme in seed["schemes"] for rule in scheme["rules"]}
    rules = [r for s in BOOK.schemes.values() for series in s.series.values() for r in series]
    assert {rule.id for rule in rules} == expected
    assert all(rule.source.address or rule.source.section for rule in rules)


def test_every_stated_parameter_is_shown_by_a_clause() -> None:
    for scheme in BOOK.schemes.values():
        shown: set[str] = set()
        for clause in scheme.clauses:
            shown |= set(getattr(clause, "parameters", ())) | {getattr(clause, "parameter", "")}
        assert set(scheme.series) <= shown, scheme.id


def test_clause_ids_are_unique_and_carry_their_scheme() -> None:
    for scheme in BOOK.schemes.values():
        ids = [clause.head.id for clause in scheme.clauses]
        assert len(set(ids)) == len(ids), scheme.id
        assert all(name.startswith(f"{scheme.id}.") for name in ids)


def test_sentences_show_the_same_values_in_every_language() -> None:
    for scheme in BOOK.schemes.values():
        for clause in scheme.clauses:
            sentence = clause.head.sentence
            shown = [
                sorted(texts.places(texts.plain(words)))
                for words in (sentence.en, sentence.zh_hant, sentence.zh_hans)
            ]
            assert shown[0] == shown[1] == shown[2], clause.head.id


def test_marked_days_lie_inside_the_month_that_they_settle() -> None:
    schemes = BOOK.schemes.values()
    dates = [r.validity for s in schemes for series in s.series.values() for r in series]
    boundaries = [c for s in schemes for c in s.clauses if isinstance(c, Boundary)]
    pairs = [
        *((d.valid_from, d.valid_from_day) for d in dates),
        *((d.valid_to, d.valid_to_day) for d in dates),
        *((boundary.point, boundary.day) for boundary in boundaries),
    ]
    marked = [(point, day.day) for point, day in pairs if day is not None]
    assert len(marked) >= 7
    assert all(point and point.first <= day <= point.last for point, day in marked)


def test_every_fact_of_the_table_is_asked_by_some_rule() -> None:
    from lionrock.programmes.domain.clauses import facts_asked

    asked = frozenset[str]().union(*(facts_asked(s) for s in BOOK.schemes.values()))
    derived = {f.years_since for f in BOOK.vocabulary.definitions.values() if f.years_since}
    described_only = {"employees_full_time"}  # of the firm, for schemes that are not executable yet
    assert asked | derived | described_only == set(BOOK.vocabulary.definitions)


def test_every_applicant_type_is_wanted_by_some_scheme() -> None:
    table = read_json("facts.json", FactTable).facts
    types = next(fact for fact in table if fact.name == "applicant_types")
    wanted = read_bytes("readings.json").decode() + read_bytes("schemes.json").decode()
    wanted += "".join(read_bytes(name).decode() for name in rule_file_names())
    assert [c.code for c in types.codes if c.code not in wanted] == []


def test_digest_names_the_content() -> None:
    assert hashlib.sha256(BOOK.content).hexdigest() == BOOK.digest
    for name in ("schemes.json", "readings.json", "rules/nias.toml"):
        assert read_bytes(name) in BOOK.content


def test_damaged_file_is_named() -> None:
    with pytest.raises(PackagedDataError, match=r"facts\.json"):
        read_json("facts.json", SeedSchemes)


def test_requirements_of_audience_show_the_fact_sheets_wording() -> None:
    scheme = BOOK.schemes["it_lab"]
    audience = next(c for c in scheme.clauses if isinstance(c, Requirement))
    assert "publicly funded secondary schools" in audience.head.note


def test_page_lists_every_fact_and_code() -> None:
    page = (Path(lionrock.hongkong.__file__).parent / "README.md").read_text(encoding="utf-8")
    for fact in BOOK.vocabulary.definitions.values():
        assert f"| `{fact.name}` | {fact.kind} |" in page
        assert all(f"`{code.code}`" in page for code in fact.codes)
