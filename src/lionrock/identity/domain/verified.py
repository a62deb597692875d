"""verified_claims: what a client asks to have from registries, with when and by whom matched.

A request names our trust framework, perhaps how fresh the match must be and by what evidence, and
the claims. What does not meet a condition, and what no registry matched, is left out silently; what
is about the verification is told only where it was asked for, but for the framework, always told.
Source: OpenID Connect for Identity Assurance 1.0 s5 (representation), s6 (requests).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

import msgspec

from lionrock.identity.domain.scopes import CONTACT, PROFILE
from lionrock.identity.forms.domain import EVIDENCE, FIELDS, REGISTRY, FieldValue
from lionrock.kernel.i18n import Text

NAME = "verified_claims"
TRUST_FRAMEWORK = "urn:lionrock:trust-framework:registries"
RECORD = "electronic_record"
DOCUMENT = "document"
REQUESTS_MAX = 5
# Each claim: the field of forms that holds it, and the scope that lets a client ask for it.
VERIFIED_CLAIMS: Mapping[str, tuple[str, str]] = {
    "name": ("enName", PROFILE),
    "name#zh-Hant": ("chName", PROFILE),
    "gender": ("gender", PROFILE),
    "birthdate": ("birthDate", PROFILE),
    "address": ("residentialAddress", CONTACT),
}
_GENDERS = {"M": "male", "F": "female", "X": "other"}
_WORDS = Text("{label} as matched by a registry", "經登記機構核對的{label}", "经登记机构核对的{label}")


class VerifiedWish(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One element asked for. `claims`: name to the values accepted; none accepted means any."""

    claims: dict[str, list[Any]]
    frameworks: list[str] = []
    evidence_types: list[str] = []
    max_age_s: int | None = None
    wants_time: bool = False
    wants_evidence: bool = False


def read_verified(given: Any, allowed: frozenset[str]) -> tuple[VerifiedWish, ...] | None:
    """Read the member `verified_claims` of a place; None when it is malformed (s6).

    Claims that are not supported, or not the client's to ask for, are left out.
    """
    elements = given if isinstance(given, list) else [given]
    if not 1 <= len(elements) <= REQUESTS_MAX:
        return None
    wishes = [_read_element(each, allowed) for each in elements]
    found = tuple(wish for wish in wishes if wish is not None)
    return found if len(found) == len(wishes) else None


def verified_words(wishes: Iterable[VerifiedWish], language: str) -> list[str]:
    """Say which matched values a client asks for, each once."""
    names = dict.fromkeys(name for wish in wishes for name in wish.claims)
    return [
        _WORDS.in_language(language).format(
            label=FIELDS[VERIFIED_CLAIMS[name][0]].label.in_language(language)
        )
        for name in names
    ]


def fulfilled(
    wishes: Iterable[VerifiedWish], known: Mapping[str, FieldValue], now: datetime
) -> dict[str, Any] | list[dict[str, Any]] | None:
    """Return the member `verified_claims`: an element for each match, an array of several (s5)."""
    elements = [each for wish in wishes for each in _elements(wish, known, now)]
    return (elements[0] if len(elements) == 1 else elements) or None


def _read_element(given: Any, allowed: frozenset[str]) -> VerifiedWish | None:
    """Read one element; it has a verification with a trust_framework, and claims (s6.1)."""
    if not isinstance(given, dict) or set(given) != {"verification", "claims"}:
        return None
    verification, claims = given["verification"], given["claims"]
    if not isinstance(verification, dict) or "trust_framework" not in verification:
        return None
    if not isinstance(claims, dict) or not claims:
        return None
    frameworks = _accepted(verification["trust_framework"])
    time, types = verification.get("time"), _evidence_types(verification.get("evidence"))
    max_age_s = time.get("max_age") if isinstance(time, dict) else None
    is_age = max_age_s is None or (type(max_age_s) is int and max_age_s >= 0)
    is_time = time is None or isinstance(time, dict)
    wanted = {name: _accepted(each) for name, each in claims.items()}
    if frameworks is None or types is None or not is_age or not is_time:
        return None
    if any(values is None for values in wanted.values()):
        return None
    return VerifiedWish(
        frameworks=frameworks, evidence_types=types, max_age_s=max_age_s,
        wants_time="time" in verification, wants_evidence="evidence" in verification,
        claims={
            name: values or [] for name, values in wanted.items()
            if name in VERIFIED_CLAIMS and VERIFIED_CLAIMS[name][1] in allowed
        },
    )  # fmt: skip


def _accepted(given: Any) -> list[Any] | None:
    """Read null, {value} or {values}; the empty list accepts anything, None is malformed."""
    if given is None:
        return []
    if not isinstance(given, dict):
        return None
    values = given.get("values", [given["value"]] if "value" in given else [])
    return values if isinstance(values, list) and len(values) <= 10 else None


def _evidence_types(given: Any) -> list[str] | None:
    if given is None:
        return []
    if not isinstance(given, list) or not all(isinstance(each, dict) for each in given):
        return None
    lists = [_accepted(each.get("type")) for each in given]
    if any(each is None for each in lists):
        return None
    return [value for each in lists for value in each or []]


def _elements(
    wish: VerifiedWish, known: Mapping[str, FieldValue], now: datetime
) -> list[dict[str, Any]]:
    if wish.frameworks and TRUST_FRAMEWORK not in wish.frameworks:
        return []
    groups: dict[tuple[str, str, datetime], dict[str, Any]] = {}
    for name, accepted in wish.claims.items():
        held = known.get(VERIFIED_CLAIMS[name][0])
        if held is None or held.matched_at is None or not _meets(wish, held, now):
            continue
        value = _as_claim(name, held.value)
        if not accepted or value in accepted:
            group = groups.setdefault((held.source, held.evidence, held.matched_at), {})
            group[name] = value
    return [
        {"verification": _verification(wish, *match), "claims": claims}
        for match, claims in groups.items()
    ]


def _meets(wish: VerifiedWish, held: FieldValue, now: datetime) -> bool:
    assert held.matched_at is not None, "only matched values are verified"
    age_s = (now - held.matched_at).total_seconds()
    is_fresh = wish.max_age_s is None or age_s <= wish.max_age_s
    return is_fresh and (not wish.evidence_types or _type(held.source) in wish.evidence_types)


def _verification(
    wish: VerifiedWish, source: str, evidence: str, matched_at: datetime
) -> dict[str, Any]:
    shown: dict[str, Any] = {"trust_framework": TRUST_FRAMEWORK}
    if wish.wants_time:
        shown["time"] = matched_at.isoformat()
    if wish.wants_evidence:
        kind = _type(source)
        member = "record" if kind == RECORD else "document_details"
        shown["evidence"] = [{
            "type": kind, "time": matched_at.isoformat(),
            member: {"type": evidence, "source" if kind == RECORD else "issuer": {"name": source}},
        }]  # fmt: skip
    return shown


def _type(source: str) -> str:
    assert source in EVIDENCE, "a person's own word is no evidence"
    return RECORD if source == REGISTRY else DOCUMENT


def _as_claim(name: str, value: Any) -> Any:
    """Return a value in the shape of OIDC Core s5.1."""
    if name == "gender":
        return _GENDERS[value]
    if name != "address":
        return value
    parts = [value[part] for part in value if part != "region"]
    formatted = ", ".join([*parts, value["region"]])
    return {"formatted": formatted, "region": value["region"]}
