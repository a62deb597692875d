"""The streaming reader of batch files: exact, bounded, and refusing before anything is begun."""

from __future__ import annotations

import random
import tracemalloc
from datetime import UTC, date, datetime
from pathlib import Path

import pytest
from lxml import etree

from lionrock.kernel.errors import Refused
from lionrock.payments.files.domain.answer import (
    ANSWER,
    closing,
    entries_part,
    opening,
    part_count,
)
from lionrock.payments.files.domain.stream import FileReader
from lionrock.payments.files.domain.values import (
    CREDIT_FILE,
    DEBIT_FILE,
    BatchFile,
    Entry,
    EntryState,
    EntryStatus,
    Totals,
)
from lionrock.payments.files.errors import ERRORS, FileRefusal
from lionrock.payments.files.packaged import file_schema
from tests.conftest import SEED
from tests.unit.payments.batch import credit_entry, credit_file, credit_pieces, debit_file
from tests.unit.payments.official import problems

TODAY = date(2026, 2, 20)
_R = FileRefusal


def reader(definition: str = CREDIT_FILE) -> FileReader:
    """A reader for Lantau."""
    return FileReader(definition, file_schema(definition), member="512", today=TODAY)


def read(
    raw: bytes, definition: str = CREDIT_FILE, piece: int = 1_000
) -> tuple[list[Entry], Totals | Refused]:
    """Feed a file in pieces; the entries until then, and the verdict."""
    of_file = reader(definition)
    entries: list[Entry] = []
    for start in range(0, len(raw), piece):
        found = of_file.feed(raw[start:start + piece])
        if isinstance(found, Refused):
            return entries, found
        entries += found
    return entries, of_file.close()


def refusal_of(raw: bytes, piece: int = 1_000) -> FileRefusal | None:
    """Why a file is refused, None when it is not."""
    verdict = read(raw, piece=piece)[1]
    if not isinstance(verdict, Refused):
        return None
    assert isinstance(verdict.refusal, FileRefusal)
    return verdict.refusal


@pytest.mark.parametrize("piece", [1, 7, 64, 100_000])
def test_entries_come_out_complete_however_the_bytes_are_cut(piece: int) -> None:
    amounts = [100, 250, 999_99, 1]
    entries, verdict = read(credit_file(amounts, block_entries_max=3), piece=piece)
    assert isinstance(verdict, Totals), verdict
    assert [entry.amount.amount_minor for entry in entries] == amounts
    assert [entry.number for entry in entries] == [1, 2, 3, 4]
    assert [entry.block_id for entry in entries] == ["BLOCK-0"] * 3 + ["BLOCK-3"]
    assert entries[3].debtor.account == "512-000009"
    assert entries[3].remittance == "Salary 4"
    assert (verdict.entry_count, verdict.control_sum) == (4, sum(amounts))


def test_direct_debits_are_read_with_their_authorisation() -> None:
    entries, verdict = read(debit_file([5, 7], mandate_id="MND-1"), DEBIT_FILE)
    assert isinstance(verdict, Totals), verdict
    assert [entry.mandate_id for entry in entries] == ["MND-1", "MND-1"]
    assert entries[0].debtor.member == "307"
    assert entries[0].creditor.account == "512-000009"


GOOD = credit_file([100, 200, 300], block_entries_max=2)
BOMB = b'<!DOCTYPE d [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;&a;&a;">]>'
EXTERNAL = b'<!DOCTYPE d [<!ENTITY x SYSTEM "file:///etc/passwd">]>'
DECLARATION_END = GOOD.index(b"?>") + 2


@pytest.mark.parametrize("piece", [1, 13, 1_000])
@pytest.mark.parametrize(("raw", "refusal"), [
    (GOOD[:DECLARATION_END] + BOMB + GOOD[DECLARATION_END:], _R.DOCTYPE_FORBIDDEN),
    (GOOD[:DECLARATION_END] + EXTERNAL + GOOD[DECLARATION_END:], _R.DOCTYPE_FORBIDDEN),
    (GOOD.replace(b"<Nm>Tea House", b"<Nm>&lol;"), _R.NOT_WELL_FORMED),
    (GOOD.replace(b"<GrpHdr>", b"<GrpHdr><!-- x -->"), _R.MARKUP_FORBIDDEN),
    (GOOD.replace(b"<GrpHdr>", b"<?x y?><GrpHdr>"), _R.MARKUP_FORBIDDEN),
    (GOOD.replace(b'"UTF-8"', b'"ISO-8859-1"'), _R.ENCODING_WRONG),
    (GOOD.replace(b"Worker 1", b"Worker \xff"), _R.ENCODING_WRONG),
    (GOOD.decode().encode("utf-16"), _R.ENCODING_WRONG),
    (GOOD[:-5], _R.NOT_WELL_FORMED),
    (GOOD[:len(GOOD) // 2], _R.NOT_WELL_FORMED),
    (b"", _R.NOT_WELL_FORMED),
    (GOOD + b"<x/>", _R.NOT_WELL_FORMED),
    (GOOD.replace(b">1.00<", b">1.000<"), _R.NOT_VALID),
    (GOOD.replace(b">1.00<", b">-1.00<"), _R.NOT_VALID),
    (GOOD.replace(b'Ccy="HKD"', b'Ccy="USD"'), _R.NOT_VALID),
    (GOOD.replace(b"<Cdtr><Nm>Worker 2</Nm></Cdtr>", b""), _R.NOT_VALID),
    (GOOD.replace(b"<PmtMtd>TRF</PmtMtd>", b"", 1), _R.NOT_VALID),
    (GOOD.replace(b"<InitgPty>", b"<Extra/><InitgPty>"), _R.NOT_VALID),
    (GOOD.replace(b"pain.001.001.09", b"pain.001.001.03"), _R.NOT_VALID),
    (GOOD.replace(b"SALARY-2", b"SALARY-1"), _R.IDENTIFIER_REPEATED),
    (GOOD.replace(b"BLOCK-2", b"BLOCK-0"), _R.IDENTIFIER_REPEATED),
    (credit_file([1, 2], count=3), _R.COUNT_DIFFERS),
    (credit_file([1, 2], total=4), _R.SUM_DIFFERS),
    (GOOD.replace(b"<NbOfTxs>2</NbOfTxs>", b"<NbOfTxs>1</NbOfTxs>"), _R.COUNT_DIFFERS),
    (GOOD.replace(b"<CtrlSum>3.00</CtrlSum>", b"<CtrlSum>2.99</CtrlSum>"), _R.SUM_DIFFERS),
    (credit_file([1], member="307"), _R.AGENT_DIFFERS),
    (credit_file([1], day="2026-02-21"), _R.DATE_NOT_TAKEN),
])
def test_a_spoilt_file_is_refused_for_its_own_reason(
    raw: bytes, refusal: FileRefusal, piece: int
) -> None:
    assert refusal_of(raw, piece) is refusal


def test_a_file_of_one_entry_too_many_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("lionrock.payments.files.domain.stream.ENTRIES_MAX", 3)
    assert refusal_of(credit_file([1, 2, 3])) is None
    assert refusal_of(credit_file([1, 2, 3, 4])) is _R.ENTRIES_TOO_MANY


def test_a_refusal_repeats_no_value_of_the_file() -> None:
    secret = b"SECRET\xe2\x80\xaeNAME"
    verdict = read(GOOD.replace(b"Worker 2", secret))[1]
    assert isinstance(verdict, Refused)
    assert verdict.refusal is _R.NOT_VALID
    assert "SECRET" not in verdict.detail
    assert "Nm" in verdict.detail


def spoilt(chance: random.Random) -> bytes:
    """The good file with one element dropped, doubled, moved or changed; well-formed still."""
    root = etree.fromstring(GOOD)
    element = chance.choice([each for each in root.iter() if each is not root])
    parent = element.getparent()
    assert parent is not None
    action = chance.choice(["drop", "double", "text", "rename", "move", "nothing"])
    if action == "drop":
        parent.remove(element)
    elif action == "double":
        parent.insert(parent.index(element), etree.fromstring(etree.tostring(element)))
    elif action == "text" and not len(element):
        texts = ["", "x", "0.00", "12345678901234567890", "-", "HKD", "\u202e"]
        element.text = chance.choice(texts)
    elif action == "rename":
        element.tag = element.tag + "X"
    elif action == "move":
        parent.insert(chance.randrange(len(parent)), element)
    return etree.tostring(root, xml_declaration=True, encoding="UTF-8")


def test_the_streaming_verdict_is_the_whole_tree_s_verdict_on_files_spoilt_at_random() -> None:
    chance = random.Random(SEED)
    schema = etree.XMLSchema(etree.parse(
        Path(__file__).parents[3] / "src/lionrock/payments/schemas/pain.001.001.09.xsd"
    ))
    verdicts = {True: 0, False: 0}
    for number in range(600):
        raw = spoilt(chance)
        is_valid = schema.validate(etree.fromstring(raw))
        refusal = refusal_of(raw, piece=chance.choice([17, 256, 100_000]))
        # Sums, identifiers and agents are no business of the schema: other refusals come first.
        if refusal is None or refusal is _R.NOT_VALID:
            assert (refusal is None) == is_valid, (SEED, number, raw)
        verdicts[is_valid] += 1
    assert min(verdicts.values()) > 50, verdicts


def test_memory_does_not_grow_with_the_file_but_for_one_digest_an_entry() -> None:
    amounts = [1_00] * 6_000
    of_file, count = reader(), 0
    tracemalloc.start()
    peak_before = tracemalloc.get_traced_memory()[1]
    for piece in credit_pieces(amounts, block_entries_max=500):
        found = of_file.feed(piece)
        assert not isinstance(found, Refused), found
        count += len(found)
    verdict = of_file.close()
    grown = tracemalloc.get_traced_memory()[1] - peak_before
    tracemalloc.stop()
    assert isinstance(verdict, Totals)
    assert count == len(amounts)
    assert grown < 6_000 * 300 + 3_000_000, "what is held must not be the file"


def test_what_is_valid_here_is_valid_against_the_official_schemas(shared: Path) -> None:
    files = {
        CREDIT_FILE: credit_file([5, 6], entries=[
            credit_entry(1, 5, proxy="+852-51230001"), credit_entry(2, 6, currency="CNY"),
        ]),
        DEBIT_FILE: debit_file([5], mandate_id="M-1"),
    }
    for definition, raw in files.items():
        assert not isinstance(read(raw, definition)[1], Refused), read(raw, definition)[1]
        assert problems(shared, definition, raw) == []


def answered(file: BatchFile, statuses: list[EntryStatus]) -> bytes:
    """The whole answer to a file whose entries ended so, in parts of two."""
    entries = [
        EntryState(
            number=number, block_id=f"B{number // 3}", instruction_id="I" if number % 2 else "",
            end_to_end_id=f"E{number}", status=status, payment_id=None,
            reason_code="AC04" if status == "rejected" else "",
            reason_text="closed & gone" if status == "rejected" else "",
        )
        for number, status in enumerate(statuses, start=1)
    ]
    at = datetime(2026, 2, 20, 9, tzinfo=UTC)
    parts = [opening(file, at)]
    for start in range(0, len(entries), 2):
        before = entries[start - 1].block_id if start else ""
        parts.append(entries_part(entries[start:start + 2], before))
    return b"".join([*parts, closing(len(entries))])


@pytest.mark.parametrize(("statuses", "status"), [
    (["settled", "settled"], "ACSC"), (["settled", "rejected", "settled", "rejected"], "PART"),
    (["rejected"] * 5, "RJCT"),
])
def test_an_answer_is_valid_and_says_how_each_entry_ended(
    statuses: list[EntryStatus], status: str, shared: Path
) -> None:
    file = BatchFile(
        id=f"fil_{1:032x}", organisation_id="b", name="n", definition=CREDIT_FILE, byte_count=1,
        part_count=1, digest=b"", opened_at=datetime(2026, 2, 20, tzinfo=UTC), state="done",
        message_id="FILE-1", entry_count=len(statuses), control_sum=500,
        settled_count=statuses.count("settled"), rejected_count=statuses.count("rejected"),
    )
    raw = answered(file, statuses)
    check_answer(raw, shared)
    tree = etree.fromstring(raw)
    assert tree.findtext(".//{*}GrpSts") == status
    told = [each.text for each in tree.iterfind(".//{*}TxInfAndSts/{*}TxSts")]
    assert told == ["ACSC" if each == "settled" else "RJCT" for each in statuses]


def test_the_answer_to_a_refused_file_says_why(shared: Path) -> None:
    file = BatchFile(
        id=f"fil_{1:032x}", organisation_id="b", name="n", definition=CREDIT_FILE, byte_count=1,
        part_count=1, digest=b"", opened_at=datetime(2026, 2, 20, tzinfo=UTC), state="refused",
        refusal=_R.SUM_DIFFERS.value, detail="GrpHdr says 4, found 3. " * 20,
    )
    raw = answered(file, [])
    check_answer(raw, shared)
    assert etree.fromstring(raw).findtext(".//{*}Rsn/{*}Prtry") == "payments.file_sum_differs"


def check_answer(raw: bytes, shared: Path) -> None:
    """Valid against our usage and the official schema."""
    file_schema(ANSWER).assertValid(etree.fromstring(raw))
    assert problems(shared, ANSWER, raw) == []


def test_an_answer_has_two_parts_more_than_thousands_of_entries() -> None:
    assert [part_count(each) for each in (0, 1, 1_000, 1_001)] == [2, 3, 3, 4]


def test_every_refusal_of_files_has_a_row() -> None:
    assert set(ERRORS) == set(FileRefusal)
    assert all(len(each.value) <= 35 for each in FileRefusal), "Max35Text"
