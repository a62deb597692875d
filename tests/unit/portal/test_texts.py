"""Texts: all in three languages, all used by name, all refusals told in Chinese too."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import lionrock.portal
from lionrock.kernel.i18n import LANGUAGES
from lionrock.payments.qr.domain.refusals import QrRefusal
from lionrock.portal.errors import PortalRefusal
from lionrock.portal.http.case_view import ENDED, STAGES, path_of
from lionrock.portal.texts import FACT_GROUPS, REFUSALS, TEXTS, refusal_text
from lionrock.programmes.api import CaseRefusal, CaseState, PayoutState

TEMPLATES = Path(lionrock.portal.__file__).parent / "templates"
_HAN = re.compile(r"[㐀-鿿]")


@pytest.mark.parametrize("name", sorted(TEXTS))
def test_a_text_is_there_in_three_languages(name: str) -> None:
    text = TEXTS[name]
    assert all(text.in_language(language).strip() for language in LANGUAGES)
    assert _HAN.search(text.zh_hant) and _HAN.search(text.zh_hans), text
    assert not _HAN.search(text.en)
    places = [set(re.findall(r"\{(\w+)\}", text.in_language(each))) for each in LANGUAGES]
    assert places[0] == places[1] == places[2], "the same values are filled in"


@pytest.mark.parametrize("language", ["zh-Hant", "zh-Hans"])
def test_all_that_can_be_wrong_with_a_payment_code_is_told_in_chinese(language: str) -> None:
    # No page offers a choice of pictures, so only a programme asks for one that is not there.
    met = [each for each in QrRefusal if each is not QrRefusal.PICTURE_MALFORMED]
    told = [refusal_text(each.value, "English", language) for each in met]
    assert len(set(told)) == len(met)
    assert all(_HAN.search(text) and "English" not in text for text in told), told


def test_templates_hold_no_words_of_their_own() -> None:
    for template in TEMPLATES.glob("*.html"):
        source = template.read_text(encoding="utf-8")
        for name in re.findall(r"\bt\.([a-z_0-9]+)\b(?!\()", source):
            assert name in TEXTS, f"{template.name}: {name}"
        bare = re.sub(r"{%.*?%}|{{.*?}}|{#.*?#}|<[^>]*>", " ", source, flags=re.DOTALL)
        words = set(re.findall(r"[A-Za-z]{3,}", bare))
        known = {"OpenAPI", "SHA", "JSON", "CSV", "UTC", "lionrock", "verify", "evidence", "zip",
                 "trust", "json", "doctype", "html",
                 # The standard's own names of identifiers and messages (ISO 20022).
                 "EndToEndId", "TxId", "UETR", "MsgId", "camt"}
        assert words <= known, f"{template.name}: {sorted(words - known)}"


def test_states_kinds_and_roles_have_their_texts() -> None:
    for state in CaseState:
        assert f"state_{state.value}" in TEXTS
    for payout in PayoutState:
        assert f"payout_{payout.value}" in TEXTS
    for title in FACT_GROUPS:
        assert title in TEXTS


def test_each_refusal_of_a_case_and_of_the_portal_is_told_in_chinese() -> None:
    for refusal in (*CaseRefusal, *PortalRefusal):
        assert refusal.value in REFUSALS, refusal
        for sentence in REFUSALS[refusal.value]:
            assert _HAN.search(sentence) and sentence.endswith("。")


def test_a_refusal_without_a_translation_keeps_its_english_sentence() -> None:
    assert refusal_text("other.code", "It broke.", "en") == "It broke."
    assert "It broke." in refusal_text("other.code", "It broke.", "zh-Hans")


@pytest.mark.parametrize("state", CaseState)
def test_a_case_stands_at_one_place_of_its_way(state: CaseState) -> None:
    shown = [stage["how"] for stage in path_of(state)]
    assert len(shown) == len(STAGES)
    if state is CaseState.COMPLETED:
        assert set(shown) == {"done"}
    else:
        place = "ended" if state in ENDED else "now"
        assert shown.count(place) == 1
        assert set(shown[: shown.index(place)]) <= {"done"}
        assert set(shown[shown.index(place) + 1 :]) <= {"ahead"}
