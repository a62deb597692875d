"""Batch files over the real switch: sent in parts, checked as a whole, carried out, answered."""

from __future__ import annotations

import hashlib
from typing import Any

import msgspec
import pytest
from lxml import etree

from lionrock.kernel.money import Money, format_minor
from lionrock.payments.files.domain.values import CREDIT_FILE, DEBIT_FILE, PART_BYTES_MAX
from lionrock.payments.files.packaged import file_schema
from tests.unit.payments.batch import credit_entry, credit_file, debit_file
from tests.unit.payments.city import FIRM_ACCOUNT, FIRM_PHONE, HARBOUR, LANTAU, PaymentsCity

PATH = "/payments/v1/files"
PART = 1_500
FUNDED_MINOR = 3_000_00


async def ask(
    city: PaymentsCity, method: str, path: str = "", body: bytes = b"", *,
    sender: str = LANTAU, media_type: str = "application/json",
) -> tuple[int, Any]:
    """A signed call; returns status and decoded JSON (or bytes)."""
    exchange = await city.call(
        sender, PATH + path, body, method=method, media_type=media_type
    )
    raw = exchange.reply.body
    is_json = "json" in exchange.reply.headers.get("content-type", "")
    return exchange.reply.status, msgspec.json.decode(raw) if is_json else raw


def parts_of(raw: bytes) -> list[bytes]:
    """The parts in which tests send a file."""
    return [raw[start:start + PART] for start in range(0, len(raw), PART)] or [b""]


def opening(raw: bytes, name: str = "F-1", definition: str = CREDIT_FILE) -> bytes:
    """What a file is opened with."""
    return msgspec.json.encode({
        "name": name, "definition": definition, "byte_count": len(raw),
        "part_count": len(parts_of(raw)), "sha256": hashlib.sha256(raw).hexdigest(),
    })


async def upload(
    city: PaymentsCity, raw: bytes, name: str = "F-1", definition: str = CREDIT_FILE
) -> str:
    """Open, send all parts, complete; returns the file's id. Nothing is checked yet."""
    status, opened = await ask(city, "POST", body=opening(raw, name, definition))
    assert status == 201, opened
    for number, part in enumerate(parts_of(raw), start=1):
        status, answer = await ask(
            city, "PUT", f"/{opened['id']}/parts/{number}", part, media_type="application/xml"
        )
        assert status == 204, answer
    status, answer = await ask(city, "POST", f"/{opened['id']}/completion")
    assert status == 202, answer
    found: str = opened["id"]
    return found


async def carry_out(city: PaymentsCity, file_id: str, seconds: int = 60) -> Any:
    """Let time pass until the file is answered; returns how it stands."""
    await city.settle()
    for _ in range(seconds):
        _status, shown = await ask(city, "GET", f"/{file_id}")
        if shown["state"] == "answered":
            return shown
        await city.pass_seconds(1)
    raise AssertionError(f"not answered: {shown}")


async def answer_of(city: PaymentsCity, shown: Any) -> Any:
    """The whole answer as a tree, its digest and validity checked."""
    parts = []
    for number in range(shown["answer_parts"]):
        status, part = await ask(city, "GET", f"/{shown['id']}/answer/{number}")
        assert status == 200, part
        parts.append(part)
    raw = b"".join(parts)
    assert hashlib.sha256(raw).hexdigest() == shown["answer_sha256"]
    tree = etree.fromstring(raw)
    file_schema("pain.002.001.10").assertValid(tree)
    return tree


async def test_a_file_is_carried_out_and_answered_entry_by_entry(city: PaymentsCity) -> None:
    amounts = [10_00 + number for number in range(6)]
    file_id = await upload(city, credit_file(amounts, block_entries_max=4))
    shown = await carry_out(city, file_id)
    assert (shown["settled_count"], shown["rejected_count"]) == (6, 0)
    assert shown["control_sum"] == format_minor(sum(amounts), "HKD")
    statement = await city.statement(HARBOUR, FIRM_ACCOUNT)
    assert statement["balances"]["HKD"] == Money(1_000_00 + sum(amounts), "HKD").wire()
    assert await city.available(await city.settlement_id(LANTAU)) == FUNDED_MINOR - sum(amounts)
    tree = await answer_of(city, shown)
    assert tree.findtext(".//{*}GrpSts") == "ACSC"
    assert [each.text for each in tree.iterfind(".//{*}OrgnlEndToEndId")] == [
        f"SALARY-{number}" for number in range(1, 7)
    ]
    rows = await city.kernel.database.read(lambda db: db.fetchval(
        "SELECT count(*) FROM payments.messages WHERE organisation_id = $1 AND direction = 'out'"
        " AND definition = 'pacs.002.001.10'", LANTAU,
    ))
    assert rows == 0, "the sender is told by the answer, not entry by entry"


async def test_entries_that_cannot_be_paid_are_rejected_one_by_one(city: PaymentsCity) -> None:
    entries = [
        credit_entry(1, 5_00),
        credit_entry(2, 9_04),  # the bank says that the account is closed
        credit_entry(3, 5_00, account="307-999999"),
        credit_entry(4, FUNDED_MINOR + 1),
        credit_entry(5, 5_00, member="999"),
        credit_entry(6, 5_00, account="NOTPROVIDED", proxy="+852-59999999"),
        credit_entry(7, 5_00, account="NOTPROVIDED", proxy=f"+852-{FIRM_PHONE[4:]}"),
    ]
    amounts = [5_00, 9_04, 5_00, FUNDED_MINOR + 1, 5_00, 5_00, 5_00]
    file_id = await upload(city, credit_file(amounts, entries=entries))
    shown = await carry_out(city, file_id)
    tree = await answer_of(city, shown)
    told = {
        each.findtext("{*}StsId"): (
            each.findtext("{*}TxSts"), each.findtext("{*}StsRsnInf/{*}Rsn/{*}Cd")
        )
        for each in tree.iterfind(".//{*}TxInfAndSts")
    }
    assert told == {
        "1": ("ACSC", None), "2": ("RJCT", "AC04"), "3": ("RJCT", "AC01"),
        "4": ("RJCT", "AM04"), "5": ("RJCT", "AGNT"), "6": ("RJCT", "BE06"),
        "7": ("ACSC", None),
    }
    assert tree.findtext(".//{*}GrpSts") == "PART"
    _status, listed = await ask(city, "GET", f"/{file_id}/entries?after=5")
    assert [each["status"] for each in listed["entries"]] == ["rejected", "settled"]


@pytest.mark.parametrize(("raw", "refusal"), [
    (credit_file([5_00, 6_00], total=12_00), "payments.file_sum_differs"),
    (credit_file([5_00, 6_00])[:-30], "payments.file_not_well_formed"),
    (credit_file([5_00, 6_00], member="307"), "payments.file_agent_differs"),
])
async def test_a_wrong_file_is_refused_as_a_whole_and_nothing_of_it_begins(
    city: PaymentsCity, raw: bytes, refusal: str
) -> None:
    file_id = await upload(city, raw)
    shown = await carry_out(city, file_id)
    assert (shown["refusal"], shown["begun_count"]) == (refusal, 0)
    tree = await answer_of(city, shown)
    assert tree.findtext(".//{*}Rsn/{*}Prtry") == refusal
    left = await city.kernel.database.read(lambda db: db.fetchrow(
        "SELECT (SELECT count(*) FROM payments.file_entries) AS entries,"
        " (SELECT count(*) FROM payments.payments) AS payments"
    ))
    assert tuple(left) == (0, 0)
    assert (await ask(city, "GET", f"/{file_id}/entries"))[1]["entries"] == []


async def test_the_same_file_again_is_the_same_file(city: PaymentsCity) -> None:
    raw = credit_file([5_00])
    file_id = await upload(city, raw)
    await carry_out(city, file_id)
    status, again = await ask(city, "POST", body=opening(raw))
    assert (status, again["id"], again["state"]) == (200, file_id, "answered")
    status, _ = await ask(
        city, "PUT", f"/{file_id}/parts/1", parts_of(raw)[0], media_type="application/xml"
    )
    assert status == 204, "the same part again changes nothing"
    assert (await ask(city, "POST", f"/{file_id}/completion"))[0] == 202
    await city.settle()
    assert await city.available(await city.settlement_id(LANTAU)) == FUNDED_MINOR - 5_00


async def test_the_same_content_under_another_name_is_refused(city: PaymentsCity) -> None:
    raw = credit_file([5_00])
    await carry_out(city, await upload(city, raw))
    shown = await carry_out(city, await upload(city, raw, name="F-2"))
    assert shown["refusal"] == "payments.file_message_id_reused"
    assert await city.available(await city.settlement_id(LANTAU)) == FUNDED_MINOR - 5_00


async def test_parts_that_are_not_what_was_announced_are_refused(city: PaymentsCity) -> None:
    raw = credit_file([5_00, 6_00, 7_00])
    announced = msgspec.json.decode(opening(raw))
    announced["sha256"] = "0" * 64
    status, opened = await ask(city, "POST", body=msgspec.json.encode(announced))
    assert status == 201
    for number, part in enumerate(parts_of(raw), start=1):
        await ask(city, "PUT", f"/{opened['id']}/parts/{number}", part, media_type="text/xml")
    await ask(city, "POST", f"/{opened['id']}/completion")
    shown = await carry_out(city, opened["id"])
    assert shown["refusal"] == "payments.file_digest_differs"


async def refusal_of(city: PaymentsCity, method: str, path: str = "", body: bytes = b"",
                     **more: Any) -> str:
    """The code with which a call is refused."""
    _status, answer = await ask(city, method, path, body, **more)
    code: str = answer["code"]
    return code


async def test_uploads_are_refused_for_their_own_reasons(city: PaymentsCity) -> None:
    raw = credit_file([5_00, 6_00, 7_00, 8_00])
    good = msgspec.json.decode(opening(raw))
    for changes in (
        {"name": "not a name"}, {"definition": "pain.001.001.03"}, {"sha256": "AB" * 32},
        {"byte_count": 0}, {"part_count": 0}, {"part_count": 2_000},
    ):
        body = msgspec.json.encode({**good, **changes})
        assert await refusal_of(city, "POST", body=body) == "payments.file_malformed", changes
    huge = msgspec.json.encode({**good, "byte_count": 2**40})
    assert await refusal_of(city, "POST", body=huge) == "payments.file_too_large"
    _status, opened = await ask(city, "POST", body=opening(raw))
    other = msgspec.json.encode({**good, "byte_count": 7, "part_count": 1})
    assert await refusal_of(city, "POST", body=other) == "payments.file_name_reused"
    part = f"/{opened['id']}/parts"
    assert await refusal_of(city, "PUT", f"{part}/0", b"x") == "payments.file_part_unknown"
    assert await refusal_of(city, "PUT", f"{part}/99", b"x") == "payments.file_part_unknown"
    assert await refusal_of(city, "PUT", f"{part}/x", b"x") == "payments.file_part_unknown"
    too_large = b"x" * (PART_BYTES_MAX + 1)
    assert await refusal_of(city, "PUT", f"{part}/1", too_large) == "payments.file_part_too_large"
    assert (await ask(city, "PUT", f"{part}/1", parts_of(raw)[0]))[0] == 204
    assert await refusal_of(city, "PUT", f"{part}/1", b"x") == "payments.file_part_differs"
    incomplete = await refusal_of(city, "POST", f"/{opened['id']}/completion")
    assert incomplete == "payments.file_parts_missing"
    not_ready = await refusal_of(city, "GET", f"/{opened['id']}/answer/0")
    assert not_ready == "payments.file_answer_not_ready"
    for method, path in (("GET", ""), ("GET", "/entries"), ("POST", "/completion"),
                         ("PUT", "/parts/1"), ("GET", "/answer/0")):
        body = b"x" if method == "PUT" else b""
        code = await refusal_of(
            city, method, f"/{opened['id']}{path}", body, sender=HARBOUR
        )
        assert code == "payments.file_not_found", (method, path)


async def test_too_many_unfinished_files_are_refused(
    city: PaymentsCity, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("lionrock.payments.files.service.intake.FILES_OPEN_MAX", 2)
    for number in range(2):
        assert (await ask(city, "POST", body=opening(b"x", f"F-{number}")))[0] == 201
    assert await refusal_of(
        city, "POST", body=opening(b"x", "F-3")
    ) == "payments.files_too_many"
    _status, listed = await ask(city, "GET")
    assert [each["name"] for each in listed["files"]] == ["F-1", "F-0"]


async def test_a_completed_file_takes_no_other_part(city: PaymentsCity) -> None:
    raw = credit_file([5_00])
    file_id = await upload(city, raw)
    assert await refusal_of(
        city, "PUT", f"/{file_id}/parts/1", b"other"
    ) == "payments.file_part_differs"


async def test_a_debit_without_an_authorisation_is_rejected_in_the_answer(
    city: PaymentsCity
) -> None:
    raw = debit_file([5_00, 6_00], mandate_id="UNKNOWN")
    file_id = await upload(city, raw, definition=DEBIT_FILE)
    shown = await carry_out(city, file_id)
    tree = await answer_of(city, shown)
    assert [each.text for each in tree.iterfind(".//{*}TxSts")] == ["RJCT", "RJCT"]
    assert {each.text for each in tree.iterfind(".//{*}Rsn/{*}Cd")} == {"MD01"}


async def test_only_so_many_entries_of_a_file_are_under_way_at_once(
    city: PaymentsCity, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("lionrock.payments.files.service.carrying.UNDER_WAY_MAX", 3)
    file_id = await upload(city, credit_file([9_10] * 5))  # the bank never answers
    for _ in range(8):
        await city.pass_seconds(1)
    _status, shown = await ask(city, "GET", f"/{file_id}")
    assert (shown["state"], shown["begun_count"]) == ("accepted", 3)
