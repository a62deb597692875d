"""Messages written are read back the same, and are valid against the official schemas."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta, timezone
from pathlib import Path

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lionrock.kernel.errors import Refused
from lionrock.kernel.money import Money
from lionrock.payments.domain.iso20022 import (
    DEFINITIONS,
    CreditTransfer,
    Document,
    Envelope,
    Header,
    MessageReject,
    PartyAccount,
    Proxy,
    StatusReport,
    definition_of,
    read_envelope,
    write_envelope,
)
from lionrock.payments.schemas import NAMES, envelope_schema, schema_text
from lionrock.payments.service.orders import digest_of_transfer

from .samples import DOCUMENTS, HEADER, REJECT, TRANSFER, OfficialSchemas, enveloped, name_of


@pytest.mark.parametrize("document", DOCUMENTS, ids=name_of)
def test_a_message_written_is_read_back_as_the_same_value(document: Document) -> None:
    envelope = enveloped(document)
    assert read_envelope(write_envelope(envelope), envelope_schema()) == envelope


@pytest.mark.parametrize("document", DOCUMENTS, ids=name_of)
def test_every_message_is_valid_against_the_official_schema(
    document: Document, shared: Path
) -> None:
    raw = write_envelope(enveloped(document))
    assert OfficialSchemas(shared).problems(raw, definition_of(document)) == []


def test_a_message_without_the_optional_parts_is_valid_too(shared: Path) -> None:
    bare = msgspec.structs.replace(TRANSFER, proxy=None, remittance="")
    raw = write_envelope(enveloped(bare))
    assert read_envelope(raw, envelope_schema()) == enveloped(bare)
    assert OfficialSchemas(shared).problems(raw, "pacs.008.001.08") == []
    plain = msgspec.structs.replace(REJECT, location="")
    assert read_envelope(write_envelope(enveloped(plain)), envelope_schema()) == enveloped(plain)


def test_markup_in_a_text_stays_text() -> None:
    nasty = msgspec.structs.replace(TRANSFER, remittance="</Ustrd><Amt>1</Amt> & ]]> &lt;")
    read = read_envelope(write_envelope(enveloped(nasty)), envelope_schema())
    assert isinstance(read, Envelope)
    assert isinstance(read.document, CreditTransfer)
    assert read.document.remittance == "</Ustrd><Amt>1</Amt> & ]]> &lt;"


def test_an_instant_with_an_offset_is_read_as_the_same_instant_in_utc() -> None:
    hong_kong = datetime(2026, 2, 20, 17, 0, tzinfo=timezone(timedelta(hours=8)))
    raw = write_envelope(enveloped(TRANSFER)).replace(
        b"<CreDt>2026-02-20T09:00:00.000Z<", b"<CreDt>2026-02-20T17:00:00+08:00<"
    )
    read = read_envelope(raw, envelope_schema())
    assert isinstance(read, Envelope)
    assert read.header.created_at == hong_kong


def test_prefixes_and_cdata_do_not_matter() -> None:
    raw = write_envelope(enveloped(TRANSFER)).decode()
    namespace = "urn:iso:std:iso:20022:tech:xsd:pacs.008.001.08"
    start = raw.index("<Document")
    body = raw[start:].replace(f'<Document xmlns="{namespace}">', "<Document>")
    body = body.replace("</Envelope>", "").replace("</", "\0").replace("<", "<b:")
    body = body.replace("\0", "</b:").replace("<b:Document>", f'<b:Document xmlns:b="{namespace}">')
    name = "Harbour Robotics Limited"
    body = body.replace(f"<b:Nm>{name}<", f"<b:Nm><![CDATA[{name}]]><")
    read = read_envelope((raw[:start] + body + "</Envelope>").encode(), envelope_schema())
    assert read == enveloped(TRANSFER), read


IDENTIFIERS = st.from_regex(r"[A-Za-z0-9][A-Za-z0-9._/\-]{0,34}", fullmatch=True)
MEMBERS = st.from_regex(r"[0-9A-Z]{3,11}", fullmatch=True)
ACCOUNTS = st.from_regex(r"[A-Za-z0-9][A-Za-z0-9\-]{0,33}", fullmatch=True)
INSTANTS = st.datetimes(
    min_value=datetime(2000, 1, 1),
    max_value=datetime(2099, 12, 31),
    timezones=st.just(UTC),
).map(lambda at: at.replace(microsecond=at.microsecond // 1000 * 1000))
_HIDDEN = "".join(map(chr, [0x200E, 0x200F, *range(0x2028, 0x202F), *range(0x2066, 0x206A)]))


def texts(size: int) -> st.SearchStrategy[str]:
    characters = st.characters(
        exclude_categories=("Cc", "Cs"), exclude_characters=_HIDDEN + "\ufffe\uffff"
    )
    text = st.text(characters, min_size=1, max_size=size)
    return text.map(str.strip).filter(bool)


PARTIES = st.builds(PartyAccount, name=texts(140), account=ACCOUNTS, member=MEMBERS)
AMOUNTS = st.builds(Money, st.integers(1, 10**17 - 1), st.sampled_from(["HKD", "CNY"]))
UETRS = st.uuids(version=4).map(str)
PROXIES = st.one_of(
    st.none(), st.builds(Proxy, kind=st.just("email"), value=st.just("a&b@firm.example"))
)
TRANSFERS = st.builds(
    CreditTransfer,
    settlement_date=st.dates(date(2000, 1, 1), date(2099, 12, 31)), end_to_end_id=IDENTIFIERS,
    transaction_id=IDENTIFIERS, uetr=UETRS, amount=AMOUNTS, debtor=PARTIES, creditor=PARTIES,
    proxy=PROXIES, remittance=st.one_of(st.just(""), texts(140)),
)
HEADERS = st.builds(
    Header, from_member=MEMBERS, to_member=MEMBERS, message_id=IDENTIFIERS, created_at=INSTANTS
)
REPORTS = st.builds(
    StatusReport,
    original_message_id=IDENTIFIERS, original_definition=IDENTIFIERS, end_to_end_id=IDENTIFIERS,
    transaction_id=IDENTIFIERS, uetr=UETRS, status=st.just("RJCT"), amount=AMOUNTS,
    reason_code=st.sampled_from(["AC04", "NARR"]), reason_text=st.one_of(st.just(""), texts(105)),
)
REJECTS = st.builds(
    MessageReject,
    related_reference=IDENTIFIERS, reason=IDENTIFIERS, rejected_at=INSTANTS, description=texts(350),
    location=st.one_of(st.just(""), texts(350)),
)


@settings(max_examples=150, deadline=None)
@given(header=HEADERS, document=st.one_of(TRANSFERS, REPORTS, REJECTS))
def test_any_message_that_we_can_say_is_valid_here_and_officially(
    shared: Path, header: Header, document: Document
) -> None:
    envelope = Envelope(header, document)
    raw = write_envelope(envelope)
    read = read_envelope(raw, envelope_schema())
    assert not isinstance(read, Refused), read
    assert read == envelope
    assert OfficialSchemas(shared).problems(raw, definition_of(document)) == []


def test_the_published_schemas_are_the_ones_in_use() -> None:
    assert all(schema_text(name) for name in NAMES)
    assert all(schema_text(f"{name}.xsd") == schema_text(name) for name in NAMES)
    assert schema_text("../refusals") is None
    assert HEADER.from_member == "LRSWITCH"


def test_every_definition_has_a_schema_a_sample_and_a_place_in_the_envelope() -> None:
    sampled = {definition_of(document) for document in DOCUMENTS}
    envelope = schema_text("envelope")
    assert envelope is not None
    for name, row in DEFINITIONS.items():
        assert row.name == name
        assert schema_text(name), name
        assert f'namespace="urn:iso:std:iso:20022:tech:xsd:{name}"'.encode() in envelope, name
    assert sampled == set(DEFINITIONS)


def test_a_transfer_that_says_nothing_of_verification_has_the_digest_of_before() -> None:
    # A repeat of what was taken before the flag was known must be the same transfer still.
    before = "a8cbe28f68db25d8ed2cfd5e5003063b388308480bce2030f9ee80039120e6e3"
    assert digest_of_transfer(TRANSFER).hex() == before
    for said in ("PERFORM", "SKIP"):
        told = msgspec.structs.replace(TRANSFER, payee_verification=said)
        assert digest_of_transfer(told).hex() != before
        assert read_envelope(write_envelope(enveloped(told)), envelope_schema()) == enveloped(told)
