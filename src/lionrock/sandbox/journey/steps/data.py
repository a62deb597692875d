"""Steps 3 and 4: data by consent, then the navigator over all schemes."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from functools import partial
from typing import Any

from lionrock.kernel.i18n import Text
from lionrock.sandbox.journey.runner import Checks, Ended, Step
from lionrock.sandbox.journey.state import Journey

SCHEMES_COUNT = 61
POLLS_MAX = 200
POLL_S = 0.05
# Those of the six executable schemes that the whole journey can be taken through: one grant sum.
PREFERRED = ("nifs", "nias", "mfgplus", "nittp", "tsssu")


def steps(journey: Journey) -> Sequence[Step]:
    """Consents, data, decisions."""
    return (
        Step(
            "data_by_consent", Text("Data by consent", "經同意取得資料", "经同意取得数据"),
            "Consent artefact (JWS), RFC 9421 signatures, JWE (ECDH-ES + A256GCM)",
            partial(_data_by_consent, journey),
        ),
        Step(
            "navigate", Text("Find funding", "尋找資助", "寻找资助"),
            "Dated rules, three-valued", partial(_navigate, journey),
        ),
    )  # fmt: skip


async def _data_by_consent(journey: Journey, checks: Checks) -> None:
    officer = journey.officer
    assert officer is not None, "the company's token came first"
    asked = (await officer.call(
        "POST", "/programmes/v1/intake/consents", {"bank": journey.company.bank}, expect=201
    ))["consents"]  # fmt: skip
    checks.holds(len(asked) == 2, "two providers are named, each with its own consent", asked)
    early = await officer.send(
        "POST", "/programmes/v1/intake/collections", {"reference": "too-early"}
    )
    checks.holds(early.status == 409, "without an approved consent nothing is fetched", early)
    for consent in asked:
        state = await journey.phones.answer(journey.founder.handle, consent["approval_id"])
        checks.holds(state == "approved", f"{consent['provider']}: approved on the phone", state)
    await _until_active(journey, len(asked))
    got = await officer.call(
        "POST", "/programmes/v1/intake/collections", {"reference": "journey"}
    )
    journey.consents = got["deliveries"]
    for consent, delivery in zip(
        sorted(asked, key=lambda each: each["provider"]),
        sorted(got["deliveries"], key=lambda each: each["provider"]), strict=True,
    ):  # fmt: skip
        only = set(delivery["fields"]) <= set(consent["fields"])
        checks.holds(only, f"{delivery['provider']}: only the consented fields came", delivery)
    sourced = {each["name"]: each["value"] for each in got["facts"]}
    checks.holds("legal_form" in sourced, "the registry's particulars became facts", sourced)
    checks.holds(bool(got["accounts"]), "the bank vouches for an account of the company")
    # What a provider states replaces what the company says of itself.
    journey.facts = journey.stated | sourced


async def _until_active(journey: Journey, count: int) -> None:
    assert journey.officer is not None, "the company's token came first"
    for _ in range(POLLS_MAX):
        listed = (await journey.officer.call("GET", "/programmes/v1/intake/consents"))["consents"]
        if sum(each["status"] == "active" for each in listed) == count:
            return
        await asyncio.sleep(POLL_S)


async def _navigate(journey: Journey, checks: Checks) -> None:
    assert journey.officer is not None, "the company's token came first"
    found = await journey.officer.call(
        "POST", "/programmes/v1/navigator",
        {"facts": journey.facts, "on": journey.on.isoformat()},
    )  # fmt: skip
    decisions = found["decisions"]
    journey.navigation = found
    checks.holds(len(decisions) == SCHEMES_COUNT, "each of the 61 schemes is decided")
    checks.holds(
        all(each["answer"] in ("yes", "no", "cannot_tell") for each in decisions),
        "each answer is yes, no or cannot tell",
    )
    checks.holds(
        all(each["source"] and (each["answer"] == "yes" or each["reason"]) for each in decisions),
        "each answer names its source, and each no or cannot-tell the clause that leads to it",
    )
    await _choose(journey, decisions)
    counts = {answer: sum(each["answer"] == answer for each in decisions)
              for answer in ("yes", "no", "cannot_tell")}
    checks.holds(True, f"{counts['yes']} yes, {counts['no']} no, "
                 f"{counts['cannot_tell']} cannot tell; chosen: {journey.chosen['name']}, "
                 f"{journey.chosen['amount']} {journey.chosen['amount_unit']}")


async def _choose(journey: Journey, decisions: list[dict[str, Any]]) -> None:
    by_id = {each["scheme"]: each for each in decisions}
    candidates = (journey.programme_wanted,) if journey.programme_wanted else PREFERRED
    for scheme_id in candidates:
        decision = by_id.get(scheme_id)
        if decision and decision["answer"] == "yes" and decision["amount"]:
            journey.chosen = await _decision(journey, scheme_id)
            return
    raise Ended([await _reason(journey, by_id, scheme_id) for scheme_id in candidates])


async def _decision(journey: Journey, scheme_id: str) -> dict[str, Any]:
    assert journey.officer is not None, "the company's token came first"
    found: dict[str, Any] = await journey.officer.call(
        "POST", f"/programmes/v1/schemes/{scheme_id}/decision",
        {"facts": journey.facts, "on": journey.on.isoformat()},
    )  # fmt: skip
    return found


async def _reason(journey: Journey, by_id: dict[str, dict[str, Any]], scheme_id: str) -> str:
    """Why a scheme does not fit: the clauses that say no or cannot tell."""
    if scheme_id not in by_id:
        return f"{scheme_id}: there is no scheme of that id"
    decision = await _decision(journey, scheme_id)
    against = [
        clause["sentence"] for clause in decision["clauses"]
        if clause["decides"] and clause["applies"] and clause["outcome"] != "yes"
    ]  # fmt: skip
    answer = {
        "no": "no, this is not met:", "cannot_tell": "cannot tell, this is open:",
    }.get(decision["answer"], "it fits, but no source states a sum.")  # fmt: skip
    return f"{decision['name']}: {answer} " + " ".join(f"“{each}”" for each in against[:3])
