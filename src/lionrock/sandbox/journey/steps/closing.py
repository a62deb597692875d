"""Steps 8 and 9: the award is public; the evidence is exported and proved offline."""

from __future__ import annotations

import asyncio
import csv
import io
from collections.abc import Sequence
from functools import partial

import msgspec

from lionrock.kernel.i18n import Text
from lionrock.sandbox.journey.runner import Checks, Step
from lionrock.sandbox.journey.state import Journey


def steps(journey: Journey) -> Sequence[Step]:
    """The register; the evidence."""
    return (
        Step(
            "register", Text("Public register", "公開登記冊", "公开登记册"),
            "JSON and CSV (RFC 4180)", partial(_register, journey),
        ),
        Step(
            "evidence", Text("Prove it offline", "離線驗證", "离线验证"),
            "C2SP tlog-tiles, signed notes, witness cosignatures", partial(_evidence, journey),
        ),
    )  # fmt: skip


async def _register(journey: Journey, checks: Checks) -> None:
    base = f"{journey.platform_url}/programmes/v1/awards"
    listed = await journey.network.send("GET", base)
    journey.write("awards.json", listed.body)
    awards = msgspec.json.decode(listed.body)["awards"]
    number = journey.company.business_registration
    mine = [each for each in awards if each["recipient_business_number"] == number]
    checks.holds(len(mine) == 1, "the award stands in the public register (JSON)", awards)
    checks.holds(mine[0]["paid"] == journey.payment["amount"], "with what was paid", mine[0])
    table = await journey.network.send("GET", f"{base}.csv")
    journey.write("awards.csv", table.body)
    rows = list(csv.reader(io.StringIO(table.body.decode("utf-8-sig"))))
    checks.holds(len(rows) == 1 + len(awards), "and in the CSV")


async def _evidence(journey: Journey, checks: Checks) -> None:
    officer = journey.officer
    assert officer is not None, "the company's token came first"
    bundle = await officer.fetch(f"/programmes/v1/cases/{journey.case['id']}/evidence")
    trust = (
        await journey.network.send("GET", f"{journey.platform_url}/programmes/v1/trust.json")
    ).body
    journey.write("evidence.zip", bundle)
    journey.write("trust.json", trust)
    verdict = await asyncio.to_thread(journey.verify, bundle, trust)
    checks.holds(verdict.ok, f"{len(verdict.checks)} checks of the bundle hold, offline",
                 [each for each in verdict.checks if not each.ok])
    issuers = {each.sentence.split(" has signed")[0] for each in verdict.checks
               if each.name == "receipt"}
    wanted = {"lionrock-platform", "companies-registry", journey.company.bank}
    checks.holds(wanted <= issuers, "receipts of both sides are in it", issuers)
    flipped = bytearray(bundle)
    flipped[len(flipped) // 2] ^= 1
    broken = await asyncio.to_thread(journey.verify, bytes(flipped), trust)
    failed = [each.part for each in broken.checks if not each.ok]
    checks.holds(not broken.ok and bool(failed), f"one flipped bit fails and names {failed[:1]}")
    foreign = msgspec.json.decode(trust)
    foreign["directory_key"] = {**foreign["directory_key"], "x": foreign["directory_key"]["y"]}
    other = await asyncio.to_thread(journey.verify, bundle, msgspec.json.encode(foreign))
    checks.holds(not other.ok, "against other anchors it fails")
