"""Two validators agree about our messages: about good ones, and about the same ones spoilt."""

from __future__ import annotations

import random
from pathlib import Path

import pytest
from lxml import etree

from lionrock.payments.domain.iso20022 import (
    Document,
    definition_of,
    split_envelope,
    write_envelope,
)
from tests.conftest import SEED
from tests.unit.payments.official import lxml_problems, xmlschema_problems
from tests.unit.payments.samples import DOCUMENTS, enveloped, name_of

SPOILT_EACH = 12


def spoilt(document: bytes, chance: random.Random) -> bytes:
    """The document with one element taken out, renamed, or (a leaf) given another text."""
    root = etree.fromstring(document)
    element = chance.choice(list(root.iterdescendants()))
    parent = element.getparent()
    assert parent is not None, "it is below the root"
    # Not text between elements: below an xs:any libxml2 refuses that, and xmlschema does not look.
    action = chance.choice(("remove", "rename") if len(element) else ("remove", "rename", "text"))
    if action == "remove":
        parent.remove(element)
    elif action == "rename":
        element.tag = f"{element.tag}X"
    else:
        element.text = chance.choice(("", "x" * 3_000, "-1"))
    return etree.tostring(root, encoding="UTF-8")


@pytest.mark.parametrize("document", DOCUMENTS, ids=name_of)
def test_both_validators_give_one_verdict_on_a_message_spoilt_at_random(
    document: Document, shared: Path
) -> None:
    chance = random.Random(f"{SEED} {document}")
    definition = definition_of(document)
    raw = split_envelope(write_envelope(enveloped(document))).document
    refused = 0
    for _ in range(SPOILT_EACH):
        broken = spoilt(raw, chance)
        fast = lxml_problems(shared, definition, broken)
        slow = xmlschema_problems(shared, definition, broken)
        assert bool(fast) == bool(slow), (SEED, broken, fast, slow)
        refused += bool(fast)
    assert refused, "most of these break a rule of the schema"


def test_each_validator_refuses_by_itself(shared: Path) -> None:
    broken = b'<Document xmlns="urn:iso:std:iso:20022:tech:xsd:pacs.008.001.08"><Nope/></Document>'
    assert lxml_problems(shared, "pacs.008.001.08", broken)
    assert xmlschema_problems(shared, "pacs.008.001.08", broken)
