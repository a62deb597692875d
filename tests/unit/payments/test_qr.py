"""Payment codes: the shared vectors, each with its own reason, and laws for every code."""

from __future__ import annotations

import binascii
import json
import re
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lionrock.kernel.errors import Refused
from lionrock.kernel.money import Money
from lionrock.payments.qr.domain.codes import decode, encode
from lionrock.payments.qr.domain.compose import compose
from lionrock.payments.qr.domain.content import (
    AdditionalData,
    Code,
    Content,
    FpsAccount,
    LanguageTemplate,
    Tip,
)
from lionrock.payments.qr.domain.items import Item, crc_of, split, split_payload
from lionrock.payments.qr.domain.refusals import QrRefusal

SIMPLE = "00020101021126270012hk.com.hkicl020712345675204000053033445802HK5902NA6002HK63042E94"
REASONS = {
    "i-1": QrRefusal.CRC_WRONG, "i-2": QrRefusal.CRC_MISSING, "i-3": QrRefusal.CRC_LOWER_CASE,
    "i-4": QrRefusal.LENGTH_PAST_END, "i-5": QrRefusal.LENGTH_NOT_DIGITS,
    "i-6": QrRefusal.CRC_NOT_LAST, "i-7": QrRefusal.FORMAT_NOT_FIRST, "i-8": QrRefusal.TAG_TWICE,
    "i-9": QrRefusal.AMOUNT_NEGATIVE, "i-10": QrRefusal.AMOUNT_EXPONENT,
    "i-11": QrRefusal.FPS_ID_TOO_SHORT, "i-12": QrRefusal.EMPTY, "i-13": QrRefusal.DATA_AFTER_CRC,
}


def vectors(shared: Path) -> dict[str, list[dict[str, Any]]]:
    """The shared payloads by list."""
    text = (shared / "testdata" / "hkqr" / "vectors.json").read_text(encoding="utf-8")
    found: dict[str, list[dict[str, Any]]] = json.loads(text)
    return found


def read(payload: str) -> Code:
    """A code that is not refused."""
    code = decode(payload)
    assert isinstance(code, Code), (payload, code)
    return code


def closed(body: str) -> str:
    """A text with its right checksum."""
    return f"{body}6304{binascii.crc_hqx(f'{body}6304'.encode(), 0xFFFF):04X}"


def refusal_of(payload: str) -> QrRefusal:
    """Why a payload is refused."""
    refused = decode(payload)
    assert isinstance(refused, Refused), refused
    assert isinstance(refused.refusal, QrRefusal)
    return refused.refusal


def with_item(tag: str, value: str, *, instead: bool = True) -> str:
    """The simple code with one item more, or another value of it; its checksum right."""
    items = split(SIMPLE[:-8], "characters")
    assert isinstance(items, list)
    kept = [item for item in items if item.tag != tag or not instead]
    ordered = sorted([*kept, Item(tag, value)], key=lambda item: item.tag)
    return closed("".join(f"{item.tag}{len(item.value):02d}{item.value}" for item in ordered))


def test_the_check_value_of_the_checksum_is_the_published_one() -> None:
    assert f"{binascii.crc_hqx(b'123456789', 0xFFFF):04X}" == "29B1"
    assert crc_of(SIMPLE[:-4]) == "2E94"


def test_known_answers_and_constructed_codes_decode_as_listed_and_encode_to_themselves(
    shared: Path,
) -> None:
    listed = vectors(shared)
    for vector in [*listed["known_answers"], *listed["constructed_valid"]]:
        code = read(vector["payload"])
        expected = [(each["tag"], each["value"]) for each in vector["decoded"]]
        assert [(i.tag, i.value) for i in code.items] == expected[:-1], vector["id"]
        assert expected[-1] == ("63", vector["crc"])
        assert encode(code) == vector["payload"]
        for each in vector["decoded"]:
            inner = split(each["value"], "characters") if "sub" in each else []
            assert isinstance(inner, list)
            subs = [(sub["tag"], sub["value"]) for sub in each.get("sub", ())]
            assert [(i.tag, i.value) for i in inner] == subs


def test_known_answers_say_what_their_publishers_say(shared: Path) -> None:
    first, second = [read(each["payload"]) for each in vectors(shared)["known_answers"]]
    assert first.content.fps == FpsAccount(email="FPS_Identifier_CRC201D@ird.gov.hk")
    assert first.content.amount == Money(1989_00, "HKD")
    assert (first.content.is_dynamic, first.warnings) == (False, ("static_amount",))
    assert second.content.fps == FpsAccount(fps_id="999999999999")
    assert second.content.amount == Money(100_00, "HKD")
    assert second.content.additional == AdditionalData(reference="QR12345")
    assert (second.content.is_dynamic, second.warnings) == (True, ("fps_id_length",))


def test_constructed_codes_say_bill_reference_currency_and_timeout(shared: Path) -> None:
    codes = {each["id"]: read(each["payload"]) for each in vectors(shared)["constructed_valid"]}
    assert codes["c-1"].content.amount is None
    assert codes["c-2"].content.additional == AdditionalData(
        bill="INV-2026-0001", reference="REF0001"
    )
    assert codes["c-3"].content.fps == FpsAccount(mobile="+852-91234567")
    assert codes["c-4"].content.amount == Money(12_50, "CNY")
    fps = codes["c-5"].content.fps
    assert fps == FpsAccount(clearing_code="999", fps_id="123456789", timeout="20260220235959")


def test_lengths_in_characters_and_in_bytes_are_both_read_and_written_as_they_came(
    shared: Path,
) -> None:
    in_characters, in_bytes, variant = vectors(shared)["constructed_ambiguous"]
    template = LanguageTemplate(language="zh", name="測試商店")
    for vector, warnings in ((in_characters, ()), (in_bytes, ("lengths_in_bytes",))):
        code = read(vector["payload"])
        assert code.content.language == template
        assert code.warnings == warnings
        assert encode(code) == vector["payload"]
    code = read(variant["payload"])
    assert code.content.fps is not None
    assert (code.content.fps.mobile, code.content.fps.fps_id) == ("+852-91234567", "")
    assert code.warnings == ("identifier_variant", "mobile_as_fps_id")
    assert encode(code) == variant["payload"]


def test_each_invalid_payload_is_refused_with_its_own_reason(shared: Path) -> None:
    listed = vectors(shared)["constructed_invalid"]
    assert {each["id"]: refusal_of(each["payload"]) for each in listed} == REASONS
    assert len(set(REASONS.values())) == len(listed)


def test_a_text_whose_lengths_hold_both_ways_with_other_meanings_is_refused() -> None:
    head = "00020101021126270012hk.com.hkicl020712345675204000053033445802HK5902NA6002HK"
    # By characters 81, 02 and 85; by bytes 81, 82, 84 and 06.
    assert refusal_of(closed(f"{head}8105測ab82020484028506" + "04wxyz")) == (
        QrRefusal.LENGTH_AMBIGUOUS
    )


@pytest.mark.parametrize(
    ("payload", "reason"),
    [
        (SIMPLE + "\n", QrRefusal.CHARACTER_FORBIDDEN),
        (SIMPLE + " ", QrRefusal.DATA_AFTER_CRC),
        (with_item("59", "shop\u202epohs"), QrRefusal.CHARACTER_FORBIDDEN),
        ("0" * 513, QrRefusal.TOO_LONG),
        (closed("0002010102112A05hello"), QrRefusal.TAG_NOT_DIGITS),
        (closed("000201010211260063"), QrRefusal.LENGTH_ZERO),
        (closed("0002020102112627") + "x", QrRefusal.LENGTH_PAST_END),
        (SIMPLE[:-1], QrRefusal.LENGTH_PAST_END),
        (SIMPLE[:-4] + "ZZZZ", QrRefusal.CRC_WRONG),
        (SIMPLE[:-8] + "6302AB", QrRefusal.CRC_WRONG),
        (with_item("00", "02"), QrRefusal.FORMAT_UNKNOWN),
        (with_item("01", "13"), QrRefusal.FIELD_MALFORMED),
        (with_item("52", "00A0"), QrRefusal.FIELD_MALFORMED),
        (with_item("59", "x" * 26), QrRefusal.FIELD_MALFORMED),
        (with_item("62", "0526" + "x" * 26), QrRefusal.FIELD_MALFORMED),
        (with_item("53", "840"), QrRefusal.CURRENCY_UNKNOWN),
        (with_item("58", "TH"), QrRefusal.COUNTRY_WRONG),
        (with_item("54", "1.234"), QrRefusal.AMOUNT_DECIMALS),
        (with_item("54", "0.00"), QrRefusal.AMOUNT_ZERO),
        (with_item("54", "1,000"), QrRefusal.AMOUNT_MALFORMED),
        (with_item("54", "12345678901.00"), QrRefusal.AMOUNT_MALFORMED),
        (with_item("55", "02"), QrRefusal.TIP_INCONSISTENT),
        (with_item("56", "10"), QrRefusal.TIP_INCONSISTENT),
        (with_item("55", "04"), QrRefusal.TIP_INCONSISTENT),
        (with_item("26", "0012hk.com.hkicl"), QrRefusal.PROXY_MISSING),
        (with_item("26", "0012hk.com.hkicl02071234567" + "0407a@b.com"), QrRefusal.PROXIES_MANY),
        (with_item("26", "0012hk.com.hkicl0207123456x"), QrRefusal.FPS_ID_NOT_DIGITS),
        (with_item("26", "0012hk.com.hkicl030851230001"), QrRefusal.MOBILE_MALFORMED),
        (with_item("26", "0012hk.com.hkicl0403abc"), QrRefusal.EMAIL_MALFORMED),
        (with_item("26", "0012hk.com.hkicl020712345670514202613010000" + "00"),
         QrRefusal.TIMEOUT_MALFORMED),
        (with_item("26", "0012hk.com.hkicl0207123456702071234567"), QrRefusal.TAG_TWICE),
        (with_item("26", "0016HK.COM.HKICL.FPS0204+852"), QrRefusal.MOBILE_MALFORMED),
        (with_item("26", "0016HK.COM.HKICL.FPS0213+852-912345670407a@b.com"),
         QrRefusal.PROXIES_MANY),
        (with_item("64", "0104shop"), QrRefusal.TAG_MISSING),
        (closed("0002015204000053033445802HK5902NA6002HK"), QrRefusal.TAG_MISSING),
        (closed("00020126270012hk.com.hkicl0207123456753033445802HK5902NA6002HK"),
         QrRefusal.TAG_MISSING),
    ],
)
def test_a_broken_rule_has_its_own_refusal(payload: str, reason: QrRefusal) -> None:
    assert refusal_of(payload) == reason


def test_a_code_of_512_bytes_is_read_and_one_of_513_is_not() -> None:
    others = tuple(Item(f"{tag}", "x" * 95) for tag in range(80, 84))
    content = Content(
        is_dynamic=False, currency="HKD", fps=FpsAccount(fps_id="1234567"), others=others
    )
    code = compose(content)
    assert isinstance(code, Code)
    room = 512 - len(encode(code)) - 4
    for size, is_read in ((room, True), (room + 1, False)):
        padded = Content(
            is_dynamic=False, currency="HKD", fps=FpsAccount(fps_id="1234567"),
            others=(*others, Item("84", "x" * size)),
        )
        assert isinstance(compose(padded), Code) is is_read


def test_tags_of_other_schemes_and_unknown_ones_are_kept_byte_for_byte() -> None:
    payload = closed(
        "000201010211021640000000000000013112ABCDEFGHIJKL26270012hk.com.hkicl02071234567"
        "41090005other5204000053033445802HK5902NA6002HK8005hello"
    )
    code = read(payload)
    assert code.content.others == (
        Item("02", "4000000000000001"), Item("31", "ABCDEFGHIJKL"), Item("41", "0005other"),
        Item("80", "hello"),
    )
    assert encode(code) == payload


def test_a_code_of_other_schemes_only_is_read_with_a_warning() -> None:
    code = read(with_item("26", "0009other.one"))
    assert code.content.fps is None
    assert code.content.others == (Item("26", "0009other.one"),)
    assert code.warnings == ("no_fps_account",)


_text = st.text(st.sampled_from("ABCdef0123 -.測試店"), min_size=1, max_size=10).map(
    lambda text: f"A{text}"
)
_label = st.text(st.sampled_from("ABCabc0123456789-/"), max_size=25)
_fps = st.one_of(
    st.from_regex(r"[0-9]{7}|[0-9]{9}", fullmatch=True).map(lambda v: FpsAccount(fps_id=v)),
    st.from_regex(r"\+852-[0-9]{8}", fullmatch=True).map(lambda v: FpsAccount(mobile=v)),
    st.from_regex(r"[a-z]{1,9}@[a-z]{1,9}\.hk", fullmatch=True).map(
        lambda v: FpsAccount(email=v, clearing_code="307", timeout="20260220235959")
    ),
)
_tips = st.sampled_from(
    [None, Tip("prompt"), Tip("fixed", "10.00"), Tip("percentage", "10"), Tip("percentage", "9.5")]
)
_additional = st.builds(
    AdditionalData, bill=_label, reference=_label, customer=_label,
    terminal=st.sampled_from(["", "***"]), data_request=st.sampled_from(["", "AM", "E"]),
).filter(lambda data: data != AdditionalData() and _fits(data))
_contents = st.builds(
    Content, is_dynamic=st.booleans(), currency=st.just("HKD"), fps=_fps,
    amount=st.one_of(st.none(), st.integers(1, 10**12 - 1).map(lambda n: Money(n, "HKD"))),
    name=_text, city=st.just("HK"), tip=_tips, additional=st.one_of(st.none(), _additional),
    language=st.one_of(st.none(), st.builds(LanguageTemplate, language=st.just("zh"), name=_text)),
    others=st.lists(
        st.tuples(st.sampled_from(["02", "17", "41", "80", "99"]), _text), max_size=3,
        unique_by=lambda pair: pair[0],
    ).map(lambda pairs: tuple(Item(*pair) for pair in sorted(pairs))),
)  # fmt: skip


def _fits(data: AdditionalData) -> bool:
    values = [data.bill, data.reference, data.customer, data.terminal, data.data_request]
    return sum(len(value) + 4 for value in values if value) <= 99


@settings(max_examples=150, deadline=None)
@given(content=_contents, counting=st.sampled_from(["characters", "bytes"]))
def test_what_is_composed_decodes_to_the_same_content_and_encodes_to_the_same_text(
    content: Content, counting: Any
) -> None:
    code = compose(content, counting)
    if isinstance(code, Refused):
        assert code.refusal is QrRefusal.LENGTH_AMBIGUOUS
        return
    payload = encode(code)
    again = read(payload)
    assert again.content == content
    assert encode(again) == payload


@settings(max_examples=300, deadline=None)
@given(content=_contents, data=st.data())
def test_a_text_that_is_not_refused_encodes_to_itself_whatever_was_changed_in_it(
    content: Content, data: st.DataObject
) -> None:
    code = compose(content)
    if isinstance(code, Refused):
        return
    body = encode(code)[:-8]
    at = data.draw(st.integers(0, len(body) - 1))
    piece = data.draw(st.sampled_from(["", "0", "9", "63", "A", "測", "-", "99"]))
    changed = closed(body[:at] + piece + body[at + 1 :])
    found = decode(changed)
    assert isinstance(found, Refused) or encode(found) == changed


@settings(max_examples=200, deadline=None)
@given(st.text(max_size=80))
def test_any_text_is_read_or_refused_with_a_code(text: str) -> None:
    found = decode(text)
    assert isinstance(found, Code) or re.fullmatch(r"payments\.qr_[a-z_]+", found.refusal.value)


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"fps": None}, QrRefusal.TAG_MISSING),
        ({"fps": FpsAccount(fps_id="12")}, QrRefusal.FPS_ID_TOO_SHORT),
        ({"name": ""}, QrRefusal.TAG_MISSING),
        ({"name": "x" * 100}, QrRefusal.FIELD_MALFORMED),
        ({"others": (Item("59", "again"),)}, QrRefusal.TAG_TWICE),
        ({"others": (Item("63", "ABCD"),)}, QrRefusal.CRC_NOT_LAST),
        ({"additional": AdditionalData(bill="x" * 100)}, QrRefusal.FIELD_MALFORMED),
        ({"additional": AdditionalData(bill="x" * 25, store="y" * 25, reference="z" * 25,
                                       customer="c" * 25)}, QrRefusal.FIELD_MALFORMED),
        ({"tip": Tip("fixed", "0.00")}, QrRefusal.FIELD_MALFORMED),
        ({"language": LanguageTemplate(language="zho", name="x")}, QrRefusal.FIELD_MALFORMED),
    ],
)
def test_a_content_that_no_reader_would_take_is_not_written(
    changes: dict[str, Any], reason: QrRefusal
) -> None:
    fields = {"is_dynamic": False, "currency": "HKD", "fps": FpsAccount(fps_id="1234567")}
    refused = compose(Content(**{**fields, **changes}))
    assert isinstance(refused, Refused)
    assert refused.refusal is reason


def test_the_emv_specifications_own_example_counts_lengths_in_characters() -> None:
    # The example of EMV's specification (CRC A13A), as others' documentation quotes it.
    payload = (
        "00020101021229300012D156000000000510A93FO3230Q31280012D15600000001030812345678520441115802"
        "CN5914BEST TRANSPORT6007BEIJING64200002ZH0104最佳运输0202北京540523.72530315655020162330"
        "30412340603***0708A60086670902ME91320016A0112233449988770708123456786304A13A"
    )
    items = split_payload(payload, "characters")
    assert isinstance(items, list)
    assert Item("64", "0002ZH0104最佳运输0202北京") in items
    assert isinstance(split_payload(payload, "bytes"), Refused)
    assert refusal_of(payload) is QrRefusal.COUNTRY_WRONG
