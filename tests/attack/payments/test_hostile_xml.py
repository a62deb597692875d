"""Messages made to harm: the reader refuses each with its own reason, and reads nothing else.

Sources: OWASP XXE; CVE-2003-1564 (entity expansion); XML 1.0; SAML comment truncation (VU#475445).
"""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from lionrock.kernel.errors import Refused
from lionrock.payments.domain.iso20022 import (
    MESSAGE_BYTES_MAX,
    CreditTransfer,
    Envelope,
    read_envelope,
    reference_of,
    split_envelope,
    write_envelope,
)
from lionrock.payments.domain.refusals import PaymentRefusal as R
from lionrock.payments.schemas import envelope_schema
from tests.unit.payments.samples import ACCEPTANCE, REJECTION, TRANSFER, enveloped

GOOD = write_envelope(enveloped(TRANSFER))
DECLARATION = b"<?xml version='1.0' encoding='UTF-8'?>\n"


def refusal(raw: bytes) -> Refused:
    read = read_envelope(raw, envelope_schema())
    assert isinstance(read, Refused), read
    return read


def changed(before: str, after: str, raw: bytes = GOOD, count: int = 1) -> bytes:
    text = raw.decode()
    assert before in text, before
    return text.replace(before, after, count).encode()


def with_doctype(doctype: str, reference: str = "") -> bytes:
    body = GOOD.removeprefix(DECLARATION)
    body = body.replace(b"Harbour Robotics Limited", reference.encode() or b"x")
    return DECLARATION + doctype.encode() + body


BOMB = "<!DOCTYPE b [" + '<!ENTITY l0 "lol">' + "".join(
    f'<!ENTITY l{n} "{f"&l{n - 1};" * 10}">' for n in range(1, 10)
) + "]>"


@pytest.mark.parametrize(
    ("doctype", "reference"),
    [
        ("<!DOCTYPE Envelope>", ""),
        ('<!DOCTYPE x [<!ENTITY e SYSTEM "file:///etc/passwd">]>', "&e;"),
        ('<!DOCTYPE x [<!ENTITY e SYSTEM "http://127.0.0.1:1/x">]>', "&e;"),
        ('<!DOCTYPE x SYSTEM "http://127.0.0.1:1/x.dtd">', ""),
        ('<!DOCTYPE x [<!ENTITY % p SYSTEM "file:///etc/passwd"> %p;]>', ""),
        (BOMB, "&l9;"),
        ('<!DOCTYPE x [<!ENTITY e "' + "A" * 2000 + '">]>', "&e;" * 500),
    ],
    ids=["bare", "file", "url", "external", "parameter", "billion_laughs", "quadratic"],
)
def test_any_document_type_is_refused_before_it_is_parsed(doctype: str, reference: str) -> None:
    started = time.perf_counter()
    assert refusal(with_doctype(doctype, reference)).refusal is R.DOCTYPE_FORBIDDEN
    assert reference_of(with_doctype(doctype, reference)) == "NOTPROVIDED"
    assert time.perf_counter() - started < 1.0


def test_a_document_type_hidden_by_another_encoding_is_refused() -> None:
    for encoding in ("utf-16", "utf-16-le", "utf-32", "utf-7"):
        hidden = with_doctype(BOMB, "&l9;").decode().replace("UTF-8", encoding).encode(encoding)
        assert refusal(hidden).refusal in {R.ENCODING_WRONG, R.NOT_WELL_FORMED}


@pytest.mark.parametrize("encoding", ["ISO-8859-1", "utf-16", "UTF-7", "windows-1252", "x"])
def test_a_declaration_of_another_encoding_is_refused(encoding: str) -> None:
    assert refusal(changed("UTF-8", encoding)).refusal is R.ENCODING_WRONG


def test_bytes_that_are_no_utf_8_are_refused() -> None:
    assert refusal(GOOD.replace(b"Harbour", b"Harb\xffur")).refusal is R.ENCODING_WRONG
    overlong = GOOD.replace(b"Harbour", b"Harb\xc0\xbcur")
    assert refusal(overlong).refusal is R.ENCODING_WRONG


def test_an_undefined_entity_is_refused() -> None:
    assert refusal(changed("Harbour Robotics Limited", "&xxe;")).refusal is R.NOT_WELL_FORMED


@pytest.mark.parametrize(
    "place",
    ["<Ccy/>", "1234<!-- -->.50", "12<?x ?>34.50"],
)
def test_markup_inside_an_amount_does_not_make_two_amounts(place: str) -> None:
    assert refusal(changed("1234.50", place)).refusal in {R.MARKUP_FORBIDDEN, R.NOT_VALID}


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("<AppHdr", "<!-- hello --><AppHdr"),
        ("</Envelope>", "</Envelope><!-- after -->"),
        ("<Envelope", "<!-- before --><Envelope"),
        ("<AppHdr", "<?go away?><AppHdr"),
        ("</Envelope>", "</Envelope><?go away?>"),
        ("<Id>012-3456</Id>", "<Id>012-<!---->3456</Id>"),
    ],
)
def test_comments_and_instructions_are_refused_wherever_they_stand(
    before: str, after: str
) -> None:
    assert refusal(changed(before, after)).refusal is R.MARKUP_FORBIDDEN


@pytest.mark.parametrize(
    "raw",
    [b"", b"<", b"<Envelope>", GOOD[:-3], GOOD + GOOD, b"{}", GOOD + b"<a/>", b"\x00" * 20,
     GOOD.replace(b"</Nm>", b"</NM>", 1), GOOD.replace(b"<Envelope ", b"<Envelope a='1' a='2' ")],
)  # fmt: skip
def test_what_is_not_well_formed_is_refused(raw: bytes) -> None:
    assert refusal(raw).refusal is R.NOT_WELL_FORMED
    assert reference_of(raw) == "NOTPROVIDED"


def test_a_message_of_the_greatest_size_is_read_and_one_byte_more_refused() -> None:
    space = b" " * (MESSAGE_BYTES_MAX - len(GOOD))
    filled = GOOD.replace(b"</Envelope>", space + b"</Envelope>")
    assert len(filled) == MESSAGE_BYTES_MAX
    assert isinstance(read_envelope(filled, envelope_schema()), Envelope)
    larger = refusal(GOOD.replace(b"</Envelope>", space + b" </Envelope>"))
    assert larger.refusal is R.MESSAGE_TOO_LARGE


def test_deep_nesting_within_the_size_is_refused() -> None:
    deep = b"<a>" * 4000 + b"</a>" * 4000
    assert refusal(deep).refusal is R.NOT_WELL_FORMED


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("pacs.008.001.08\">", "pacs.008.001.99\">"),
        ("head.001.001.02", "head.001.001.01"),
        ("urn:lionrock:payments:envelope:1", "urn:other"),
        ("urn:iso:std:iso:20022:tech:xsd:pacs.008.001.08", "pacs.008.001.08"),
        ("<GrpHdr>", "<GrpHdr xmlns='urn:other'>"),
        ("<MsgId>", "<MsgId xmlns=''>"),
    ],
)
def test_another_namespace_is_refused(before: str, after: str) -> None:
    assert refusal(changed(before, after)).refusal is R.NOT_VALID


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ('<IntrBkSttlmAmt Ccy="HKD">1234.50', f'<IntrBkSttlmAmt Ccy="{bad}">1234.50')
        for bad in ("USD", "hkd", "HKD ", "", "XXX")
    ] + [
        ("1234.50", bad)
        for bad in ("1234.5", "1234", "1234.500", "1234.505", "-1234.50", "+1234.50", "0.00",
                    "01234.50", "1,234.50", "1e3", "NaN", "INF", "1234.50 HKD", "١٢٣٤.٥٠",
                    "1000000000000000.00", "", "0x10.00")
    ],
)  # fmt: skip
def test_a_wrong_currency_or_amount_is_refused(before: str, after: str) -> None:
    assert refusal(changed(before, after)).refusal is R.NOT_VALID


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("<EndToEndId>PAYOUT-1", "<EndToEndId>" + "e" * 36),
        ("<EndToEndId>PAYOUT-1", "<EndToEndId>"),
        ("<EndToEndId>PAYOUT-1", "<EndToEndId> PAYOUT-1"),
        ("<EndToEndId>PAYOUT-1", "<EndToEndId>PAYOUT-1\n"),
        ("<UETR>6f1c2a3b-0d4e-4", "<UETR>6f1c2a3b-0d4e-7"),
        ("<UETR>6f1c", "<UETR>6F1C"),
        ("<NbOfTxs>1", "<NbOfTxs>2"),
        ("<SttlmMtd>CLRG", "<SttlmMtd>INDA"),
        ("<Prtry>LIONROCK", "<Prtry>OTHER"),
        ("<ChrgBr>SLEV", "<ChrgBr>DEBT"),
        ("<CreDtTm>2026-02-20T09:00:00.000Z", "<CreDtTm>2026-02-20T09:00:00"),
        ("<CreDtTm>2026-02-20T09:00:00.000Z", "<CreDtTm>2026-02-30T09:00:00Z"),
        ("<CreDtTm>2026-02-20T09:00:00.000Z", "<CreDtTm>2026-02-20T24:00:00Z"),
        ("<CreDtTm>2026-02-20T09:00:00.000Z", "<CreDtTm>2026-02-20T09:00:00+15:00"),
        ("<IntrBkSttlmDt>2026-02-20", "<IntrBkSttlmDt>2026-02-30"),
        ("<IntrBkSttlmDt>2026-02-20", "<IntrBkSttlmDt>2026-02-20Z"),
        ("<Cd>TELE", "<Cd>CUST"),
        ("Harbour Robotics Limited", "Evil \u202egnp"),
        ("Harbour Robotics Limited", "tab\there"),
        ("Harbour Robotics Limited", "n" * 141),
        ("<MmbId>307", "<MmbId>3 7"),
        ("<Dbtr>", "<Dbtr><Unknown/>"),
        ("</CdtTrfTxInf>", "</CdtTrfTxInf><CdtTrfTxInf/>"),
        ("</FIToFICstmrCdtTrf>", "</FIToFICstmrCdtTrf><FIToFICstmrCdtTrf/>"),
        ("</Document>", "</Document><Document/>"),
        ("<AppHdr", "text<AppHdr"),
    ],
)
def test_what_the_usage_does_not_allow_is_refused_and_the_place_is_named(
    before: str, after: str
) -> None:
    refused = refusal(changed(before, after))
    assert refused.refusal is R.NOT_VALID
    assert refused.field.startswith("/Envelope")
    assert 0 < len(refused.detail) <= 350


def test_a_reference_is_told_back_when_the_message_can_be_parsed() -> None:
    assert reference_of(changed("<NbOfTxs>1", "<NbOfTxs>2")) == "msg0001"
    assert reference_of(changed("<BizMsgIdr>msg0001", "<BizMsgIdr>" + "x" * 36)) == "NOTPROVIDED"
    assert reference_of(changed("<BizMsgIdr>msg0001", "<BizMsgIdr>")) == "NOTPROVIDED"
    assert reference_of(b"<a/>") == "NOTPROVIDED"


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        (changed("<MsgDefIdr>pacs.008.001.08", "<MsgDefIdr>pacs.002.001.10"),
         R.DEFINITION_DIFFERS),
        (changed("<BizMsgIdr>msg0001", "<BizMsgIdr>msg0002"), R.REFERENCE_DIFFERS),
        (changed("<Fr><FIId><FinInstnId><ClrSysMmbId><MmbId>LRSWITCH",
                 "<Fr><FIId><FinInstnId><ClrSysMmbId><MmbId>512"), R.AGENT_DIFFERS),
        (changed("<To><FIId><FinInstnId><ClrSysMmbId><MmbId>307",
                 "<To><FIId><FinInstnId><ClrSysMmbId><MmbId>512"), R.AGENT_DIFFERS),
        (changed("<TxSts>ACCC</TxSts>",
                 "<TxSts>ACCC</TxSts><StsRsnInf><Rsn><Cd>AC04</Cd></Rsn></StsRsnInf>",
                 write_envelope(enveloped(ACCEPTANCE))), R.REASON_MISPLACED),
        (changed("<TxSts>RJCT", "<TxSts>ACSC", write_envelope(enveloped(REJECTION))),
         R.REASON_MISPLACED),
        (changed("<StsRsnInf><Rsn><Cd>AC04</Cd></Rsn><AddtlInf>closed on 2026-01-01</AddtlInf>"
                 "</StsRsnInf>", "", write_envelope(enveloped(REJECTION))), R.REASON_MISPLACED),
    ],
)  # fmt: skip
def test_a_message_whose_parts_disagree_is_refused(raw: bytes, expected: R) -> None:
    assert refusal(raw).refusal is expected


def test_a_schema_location_in_the_message_changes_nothing_and_fetches_nothing() -> None:
    pointed = changed(
        "<Envelope ",
        "<Envelope xmlns:xsi='http://www.w3.org/2001/XMLSchema-instance'"
        " xsi:schemaLocation='urn:lionrock:payments:envelope:1 http://127.0.0.1:1/x.xsd' ",
    )
    read = read_envelope(pointed, envelope_schema())
    assert read == enveloped(TRANSFER)


def test_an_xsi_type_does_not_open_a_closed_type() -> None:
    typed = changed(
        "<MsgId>msg0001",
        "<MsgId xmlns:xsi='http://www.w3.org/2001/XMLSchema-instance'"
        " xmlns:xs='http://www.w3.org/2001/XMLSchema' xsi:type='xs:string'>msg 0001",
    )
    assert refusal(typed).refusal is R.NOT_VALID


def test_a_message_wrapped_into_another_is_not_read() -> None:
    inner = GOOD.removeprefix(DECLARATION).decode()
    assert refusal(changed("</Envelope>", inner + "</Envelope>")).refusal is R.NOT_VALID
    assert refusal(f"<wrap>{inner}</wrap>".encode()).refusal is R.NOT_VALID


def test_the_official_negative_sample_and_foreign_samples_are_refused(shared: Path) -> None:
    folder = shared / "testdata" / "iso20022" / "samples"
    samples = sorted(folder.rglob("*.xml"))
    assert len(samples) == 16
    for sample in samples:
        refusal(sample.read_bytes())


def test_splitting_what_is_no_envelope_is_an_error() -> None:
    for raw in (b"<a/>", b"", b"<!DOCTYPE a><a/>"):
        with pytest.raises(ValueError, match="not an envelope"):
            split_envelope(raw)


def test_every_flipped_byte_is_refused_or_read_as_a_valid_message() -> None:
    for position in range(0, len(GOOD), 7):
        for bit in (0x01, 0x20, 0x80):
            flipped = bytearray(GOOD)
            flipped[position] ^= bit
            read = read_envelope(bytes(flipped), envelope_schema())
            if isinstance(read, Envelope):
                assert isinstance(read.document, CreditTransfer)
                assert read.document.amount.amount_minor > 0
