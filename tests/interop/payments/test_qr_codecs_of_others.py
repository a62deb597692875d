"""Payment codes against two codecs that nobody here wrote (npm promptparse and emvqr).

Both take lengths as characters. promptparse computes its checksum over UTF-16 code units and so
agrees for ASCII only; emvqr looks categories and countries up in tables, hence 5411 for it,
and takes every account tag for a template.
"""

from __future__ import annotations

import json
import random
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from lionrock.kernel.money import Money
from lionrock.payments.qr.domain.codes import decode, encode
from lionrock.payments.qr.domain.compose import compose
from lionrock.payments.qr.domain.content import AdditionalData, Code, Content, FpsAccount, Tip
from lionrock.payments.qr.domain.items import Item, split
from lionrock.payments.qr.domain.refusals import QrRefusal
from tests.conftest import SEED

pytestmark = pytest.mark.interop
HERE = Path(__file__).resolve().parents[1]
CODES = 200


def ask(questions: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Put questions to the codecs of others."""
    node = shutil.which("node")
    assert node is not None, "Node.js is missing (Debian: apt-get install nodejs npm)"
    done = subprocess.run(
        [node, "qr.mjs"], cwd=HERE, input="\n".join(map(json.dumps, questions)), text=True,
        capture_output=True, timeout=60, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]


def drawn_codes() -> list[Code]:
    """Codes of all shapes, drawn from the printed seed."""
    chance = random.Random(SEED)
    accounts = [
        FpsAccount(fps_id="1234567"), FpsAccount(fps_id="123456789", clearing_code="307"),
        FpsAccount(mobile="+852-51230001"), FpsAccount(email="pay@little-tea.example"),
    ]  # fmt: skip
    codes = []
    for number in range(CODES):
        code = compose(Content(
            is_dynamic=chance.random() < 0.5, currency="HKD", fps=chance.choice(accounts),
            category="5411", name=chance.choice(["NA", "DEMO SHOP", "A-1 Tea & Co."]),
            amount=Money(chance.randrange(1, 10**8), "HKD") if number % 3 else None,
            tip=chance.choice([None, Tip("prompt"), Tip("fixed", "5.00"), Tip("percentage", "10")]),
            additional=chance.choice(
                [None, AdditionalData(bill=f"INV-{number}", reference="REF", terminal="***")]
            ),
            others=(Item("41", "0005other0103abc"),) if number % 5 == 0 else (),
        ))  # fmt: skip
        assert isinstance(code, Code), code
        codes.append(code)
    return codes


def flat(tag: str, value: str) -> Any:
    """A value as emvqr shows it: templates taken apart."""
    if tag in {"26", "41", "62"}:
        inner = split(value, "characters")
        assert isinstance(inner, list)
        return {item.tag: item.value for item in inner}
    return value


def test_two_other_codecs_read_our_codes_as_we_meant_them() -> None:
    codes = drawn_codes()
    answers = ask([{"payload": encode(code)} for code in codes])
    for code, answer in zip(codes, answers, strict=True):
        ours = [(item.tag, item.value) for item in code.items]
        assert [(t["id"], t["value"]) for t in answer["promptparse"]][:-1] == ours
        theirs = answer["emvqr"]
        for tag, value in ours:
            shown = theirs[tag]
            if tag in {"52", "53", "58"}:
                assert shown.startswith(f"{value} (")  # the number, then its meaning
            else:
                assert shown == flat(tag, value)


def test_we_read_what_another_codec_writes_and_write_it_back() -> None:
    codes = drawn_codes()
    answers = ask([{"items": [[i.tag, i.value] for i in code.items]} for code in codes])
    for code, answer in zip(codes, answers, strict=True):
        again = decode(answer["payload"])
        assert isinstance(again, Code), again
        assert again.content == code.content
        assert encode(again) == answer["payload"]


def test_the_known_answers_are_read_alike_by_everybody(shared: Path) -> None:
    listed = json.loads((shared / "testdata" / "hkqr" / "vectors.json").read_text())
    known = [*listed["known_answers"], *listed["constructed_valid"]]
    for vector, answer in zip(known, ask([{"payload": v["payload"]} for v in known]), strict=True):
        theirs = [(tag["id"], tag["value"]) for tag in answer["promptparse"]]
        code = decode(vector["payload"])
        assert isinstance(code, Code), code
        assert theirs[:-1] == [(item.tag, item.value) for item in code.items]


def test_a_wrong_checksum_is_refused_by_everybody() -> None:
    payload = encode(drawn_codes()[0])
    wrong = payload[:-4] + ("0000" if payload[-4:] != "0000" else "1111")
    [answer] = ask([{"payload": wrong}])
    assert answer["promptparse"] is None
    assert "error" in answer["emvqr"]
    refused = decode(wrong)
    assert not isinstance(refused, Code)
    assert refused.refusal is QrRefusal.CRC_WRONG
