"""Step 7: the payout runs through the switch to the company's bank, found by its proxy."""

from __future__ import annotations

import asyncio
import io
import zipfile
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

import msgspec
from lxml import etree

from lionrock.kernel.errors import Refused
from lionrock.kernel.i18n import Text
from lionrock.payments.api import envelope_schema, read_envelope, split_envelope
from lionrock.sandbox.journey.actors import SignedIn
from lionrock.sandbox.journey.runner import Checks, JourneyFailed, Step
from lionrock.sandbox.journey.state import Journey
from lionrock.sandbox.settle import account_number

POLLS_MAX = 600
POLL_S = 0.05
# Beside a checkout there may be the official schemas; the packaged ones are ours and narrower.
OFFICIAL_SCHEMAS = Path("../shared/testdata/iso20022/xsd/set")
OUT, BACK = "pacs.008.001.08", "pacs.002.001.10"


def steps(journey: Journey) -> Sequence[Step]:
    """The payout."""
    return (
        Step(
            "payout", Text("Pay out through the switch", "經轉換系統付款", "经转换系统付款"),
            "ISO 20022 pacs.008 and pacs.002 over RFC 9421, two-phase ledger transfer",
            partial(_payout, journey),
        ),
    )  # fmt: skip


async def _payout(journey: Journey, checks: Checks) -> None:
    officer, frank = journey.officer, journey.staff["frank"]
    assert officer is not None, "the company's token came first"
    before = await _credited(journey)
    case_id = journey.case["id"]
    first = journey.case["milestones"][0]
    claim = {"milestone": 1, "amount": first["amount"], "report": "The equipment is installed."}
    above = await officer.send("POST", f"/programmes/v1/cases/{case_id}/payouts",
                               {**claim, "amount": journey.case["requested"]})
    checks.holds(above.status >= 400, "a claim above the milestone is refused", above.status)
    payout = await officer.call("POST", f"/programmes/v1/cases/{case_id}/payouts", claim,
                                expect=201)
    twice = await officer.send("POST", f"/programmes/v1/cases/{case_id}/payouts", claim)
    checks.holds(twice.status == 409, "the same milestone cannot be claimed twice", twice.status)
    release = f"/programmes/v1/staff/cases/{case_id}/payouts/{payout['id']}/release"
    await frank.call("POST", release, expect=202)
    milestone = await _until_paid(officer, case_id)
    checks.holds(milestone["payout_state"] == "paid", "pending, then posted: the payout is paid",
                 milestone)
    await _check_credit(journey, checks, before, first["amount"])
    await _check_messages(journey, checks, case_id)
    journey.payment = milestone


async def _until_paid(officer: SignedIn, case_id: str) -> dict[str, Any]:
    milestone: dict[str, Any] = {}
    for _ in range(POLLS_MAX):
        case = await officer.call("GET", f"/programmes/v1/cases/{case_id}")
        milestone = case["milestones"][0]
        if milestone["payout_state"] in ("paid", "rejected"):
            return milestone
        await asyncio.sleep(POLL_S)
    raise JourneyFailed(f"the payout stays {milestone.get('payout_state')}")


async def _credited(journey: Journey) -> dict[str, Any]:
    bank, number = journey.company.bank, account_number(journey.company)
    answer = await journey.network.send("GET", f"{journey.world_url}/{bank}/accounts/{number}")
    statement: dict[str, Any] = msgspec.json.decode(answer.body)
    return statement


async def _check_credit(
    journey: Journey, checks: Checks, before: dict[str, Any], amount: str
) -> None:
    for _ in range(POLLS_MAX):
        after = await _credited(journey)
        new = [each for each in after["entries"] if each not in before["entries"]]
        if new:
            break
        await asyncio.sleep(POLL_S)
    checks.holds(
        len(new) == 1 and new[0]["amount"].lstrip("+") == amount,
        f"the company's bank credited HK${amount}, once", new,
    )


async def _check_messages(journey: Journey, checks: Checks, case_id: str) -> None:
    assert journey.officer is not None, "the company's token came first"
    bundle = await journey.officer.fetch(f"/programmes/v1/cases/{case_id}/evidence")
    with zipfile.ZipFile(io.BytesIO(bundle)) as archive:
        contents = {
            name: archive.read(name) for name in archive.namelist() if name.endswith(".xml")
        }
    for definition in (OUT, BACK):
        found = [(n, c) for n, c in contents.items() if definition in n]
        checks.holds(len(found) >= 1, f"{definition} is on record", sorted(contents))
        content = found[0][1]
        journey.write(f"{definition}.xml", content)
        read = read_envelope(content, envelope_schema())
        checks.holds(not isinstance(read, Refused), f"{definition} keeps to our usage schema", read)
        _check_official(checks, definition, content)


def _check_official(checks: Checks, definition: str, content: bytes) -> None:
    if not OFFICIAL_SCHEMAS.is_dir():
        return
    parts = split_envelope(content)
    for kind, part in (("head.001.001.02", parts.header), (definition, parts.document)):
        schema = etree.XMLSchema(file=str(OFFICIAL_SCHEMAS / f"{kind}.xsd"))
        is_valid = schema.validate(etree.fromstring(part))
        checks.holds(is_valid, f"{kind} is valid against the official XSD", schema.error_log)
