"""Words: our templates, quoted free text, one hash over exactly what is shown."""

from __future__ import annotations

import hashlib
import json
import string

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lionrock.identity.domain.templates import TEMPLATES
from lionrock.identity.domain.words import (
    PLAIN_LENGTH_MAX,
    QUOTED_LENGTH_MAX,
    Rendered,
    is_safe_line,
    quote,
    render,
)
from lionrock.kernel.errors import Refused
from lionrock.sandbox.world.phone import shown_hash

FIELDS = {"title": "Application", "document_sha256": "ab" * 32}
SIGN = TEMPLATES["signing.document"]


def _rendered(fields: dict[str, str] | None = None, language: str = "en") -> Rendered:
    shown = render(SIGN, fields or FIELDS, language, "salt")
    assert isinstance(shown, Rendered), shown
    return shown


# Shown in short beside each document's name, and bound in full by the hash of the words.
BOUND_BEHIND = {"hashes"}


@pytest.mark.parametrize("name", TEMPLATES)
def test_each_template_has_the_same_fields_in_three_languages(name: str) -> None:
    template = TEMPLATES[name]
    texts = (template.words.en, template.words.zh_hant, template.words.zh_hans)
    for text in texts:
        used = {field for _, field, _, _ in string.Formatter().parse(text) if field}
        assert used == set(template.fields) - BOUND_BEHIND
    # Some sentences are the same in both Chinese scripts; none is left in English.
    assert texts[0] not in texts[1:]


def test_words_are_the_sentence_in_the_asked_language() -> None:
    assert _rendered(language="zh-Hans").words.startswith("以本人名义签署文件“Application”。")
    assert _rendered(language="zh-Hant").words.startswith("以本人名義簽署文件「Application」。")
    assert _rendered().words.startswith("Sign the document “Application” as yourself.")


@pytest.mark.parametrize(
    ("fields", "language", "code"),
    [
        (FIELDS, "fr", "approval_language"),
        (FIELDS, "", "approval_language"),
        ({"title": "x"}, "en", "approval_fields"),
        (FIELDS | {"more": "x"}, "en", "approval_fields"),
        (FIELDS | {"title": ""}, "en", "approval_field_unsafe"),
        (FIELDS | {"title": "   "}, "en", "approval_field_unsafe"),
        (FIELDS | {"title": "a\nb"}, "en", "approval_field_unsafe"),
        (FIELDS | {"title": "a\u202eb"}, "en", "approval_field_unsafe"),
        (FIELDS | {"title": "a\u2066b"}, "en", "approval_field_unsafe"),
        (FIELDS | {"title": "a\u200bb"}, "en", "approval_field_unsafe"),
        (FIELDS | {"title": "a\u2028b"}, "en", "approval_field_unsafe"),
        (FIELDS | {"title": "a\x00b"}, "en", "approval_field_unsafe"),
        (FIELDS | {"title": "x" * (QUOTED_LENGTH_MAX + 1)}, "en", "approval_field_unsafe"),
        (FIELDS | {"document_sha256": "x" * (PLAIN_LENGTH_MAX + 1)}, "en",
         "approval_field_unsafe"),
    ],
)  # fmt: skip
def test_bent_fields_are_refused(fields: dict[str, str], language: str, code: str) -> None:
    refused = render(SIGN, fields, language, "salt")
    assert isinstance(refused, Refused)
    assert refused.refusal.value == f"identity.{code}"


def test_longest_fields_are_taken() -> None:
    fields = {"title": "x" * QUOTED_LENGTH_MAX, "document_sha256": "y" * PLAIN_LENGTH_MAX}
    assert "x" * QUOTED_LENGTH_MAX in _rendered(fields).words


@given(
    st.text(min_size=1, max_size=QUOTED_LENGTH_MAX), st.sampled_from(["en", "zh-Hant", "zh-Hans"])
)
def test_free_text_never_leaves_its_quotation(text: str, language: str) -> None:
    if not is_safe_line(text, QUOTED_LENGTH_MAX):
        return
    opening, closing = quote("x", language)[0], quote("x", language)[-1]
    inside = quote(text, language)[1:-1]
    assert opening not in inside
    assert closing not in inside
    words = _rendered(FIELDS | {"title": text}, language).words
    assert words.count(opening) == 1
    assert words.count(closing) == 1


def test_template_braces_in_free_text_stay_text() -> None:
    words = _rendered(FIELDS | {"title": "{document_sha256} {0.__class__}"}).words
    assert "“{document_sha256} {0.__class__}”" in words


@pytest.mark.parametrize("member", ["language", "template", "fields", "words", "salt"])
def test_hash_covers_every_member(member: str) -> None:
    shown = _rendered()
    value = {"title": "other"} if member == "fields" else "other"
    assert msgspec.structs.replace(shown, **{member: value}).words_hash != shown.words_hash


def test_phone_computes_the_same_hash_from_what_it_is_sent() -> None:
    shown = _rendered({"title": "申請「書」", "document_sha256": "ab" * 32}, "zh-Hant")
    sent = msgspec.to_builtins(shown)
    assert shown_hash(sent) == shown.words_hash
    by_hand = json.dumps(sent, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    assert hashlib.sha256(by_hand.encode()).hexdigest() == shown.words_hash
