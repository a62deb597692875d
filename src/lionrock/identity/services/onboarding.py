"""How a company's service comes on: a request, two reviewers, a test, two reviewers, live.

    draft -> submitted -> testing -> go_live_asked -> live
      ^________|______________|___________|             (returned with reasons; withdrawn ends it)

A company's officer writes the request. Two different operators, neither acting for that company,
agree before its client exists at all; then only the company's own officers can sign in to it. Two
operators agree again before everybody can. A change of the request clears the reviews given: what
was agreed is what is built. Pure: no storage, no clock.
Source of the members: RFC 7591 s2 (names), FAPI 2.0 Security Profile s5.3.
"""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Any, Literal

import msgspec

from lionrock.identity.domain.deeds import SERVICE_ROLES_MAX, is_role_name
from lionrock.identity.domain.scopes import RESERVED_SCOPES, SCOPES
from lionrock.identity.domain.words import is_safe_line
from lionrock.identity.services.domain import (
    CATEGORIES,
    NAME_LENGTH_MAX,
    SUMMARY_LENGTH_MAX,
    Audience,
    is_web_address,
)
from lionrock.identity.services.errors import ServicesRefusal
from lionrock.kernel.errors import Refused
from lionrock.kernel.i18n import LANGUAGES, Text
from lionrock.kernel.jose import key_from_jwk

REVIEWERS_NEEDED = 2
OPEN_REQUESTS_MAX = 10
PURPOSE_LENGTH_MAX = 600
REASONS_LENGTH_MAX = 600
REDIRECT_URIS_MAX = 10
KEYS_MAX = 5
# A service asks for what it needs; nobody is onboarded as the office itself.
SCOPES_NEVER = RESERVED_SCOPES
# Members of ClientPolicy that a company may bind its own service to.
CONTROLS: dict[str, Text] = {
    "require_signed_request_object": Text(
        "Requests only in signed request objects (JAR)", "只接受已簽署的請求物件（JAR）",
        "只接受已签署的请求对象（JAR）",
    ),
    "require_signed_response": Text(
        "Answers only as signed responses (JARM)", "回應必須簽署（JARM）", "响应必须签署（JARM）"
    ),
    "require_code_binding": Text(
        "Codes bound to a key when pushed", "授權碼在推送時綁定密鑰", "授权码在推送时绑定密钥"
    ),
    "require_dpop_nonce": Text(
        "Proofs only with a nonce of this server", "證明須帶有本伺服器的隨機數",
        "证明须带有本服务器的随机数",
    ),
}  # fmt: skip
# What must have been seen during the test before a service may go live.
TESTS: dict[str, Text] = {
    "signed_in": Text("An officer signed in and the code was redeemed",
                      "有獲授權人登入，並已兌換授權碼", "有获授权人登入，并已兑换授权码"),
    "refusal_seen": Text("A sign-in was refused on the phone or called off",
                         "有一次登入在手機上被拒絕或取消", "有一次登录在手机上被拒绝或取消"),
}  # fmt: skip


class OnboardingState(StrEnum):
    """Where a request stands."""

    DRAFT = "draft"
    SUBMITTED = "submitted"
    TESTING = "testing"
    GO_LIVE_ASKED = "go_live_asked"
    LIVE = "live"
    WITHDRAWN = "withdrawn"


REVIEWED_STATES = (OnboardingState.SUBMITTED, OnboardingState.GO_LIVE_ASKED)
OPEN_STATES = (
    OnboardingState.DRAFT, OnboardingState.SUBMITTED, OnboardingState.TESTING,
    OnboardingState.GO_LIVE_ASKED,
)  # fmt: skip


class ServiceDraft(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a company asks for: the listing, and the client that signs people in.

    `purpose` says to the reviewers why the scopes are needed. `keys` are public JWKs. `controls`
    names what the client's policy shall demand of it beyond what all clients must show.
    `service_roles` are names of roles at the service, which companies give to their people.
    """

    names: Text
    summaries: Text
    category: str
    audience: Audience
    address: str
    redirect_uris: tuple[str, ...]
    scopes: tuple[str, ...]
    keys: tuple[dict[str, Any], ...]
    purpose: str
    controls: tuple[str, ...] = ()
    service_roles: tuple[str, ...] = ()


class Review(msgspec.Struct, frozen=True, kw_only=True):
    """One operator's word on one step of one version."""

    step: OnboardingState
    version: int
    person_id: str
    decision: Literal["agree", "return"]
    reasons: str
    at: datetime


class Onboarding(msgspec.Struct, frozen=True, kw_only=True):
    """A request on record. `version` grows with every change; reviews count for theirs only."""

    id: str
    company_id: str
    requested_by: str
    draft: ServiceDraft
    state: OnboardingState
    version: int
    client_id: str
    created_at: datetime
    changed_at: datetime
    reviews: tuple[Review, ...] = ()
    tests: tuple[str, ...] = ()

    def agreed(self) -> tuple[Review, ...]:
        """The reviews that agree with this version at this step."""
        return tuple(
            review
            for review in self.reviews
            if review.step is self.state
            and review.version == self.version
            and review.decision == "agree"
        )


def check_draft(draft: ServiceDraft) -> Refused | None:
    """Check a request before anybody reviews it; ONBOARDING_DRAFT names the field."""
    refusal = ServicesRefusal.ONBOARDING_DRAFT
    if draft.category not in CATEGORIES:
        return Refused(refusal, f"Known: {', '.join(CATEGORIES)}.", "category")
    for field, text, longest in (
        ("names", draft.names, NAME_LENGTH_MAX), ("summaries", draft.summaries, SUMMARY_LENGTH_MAX),
    ):  # fmt: skip
        for language in LANGUAGES:
            if not is_safe_line(text.in_language(language), longest):
                return Refused(refusal, f"{language}: 1 to {longest} characters, one line.", field)
    if not is_safe_line(draft.purpose, PURPOSE_LENGTH_MAX):
        return Refused(refusal, f"One line of 1 to {PURPOSE_LENGTH_MAX} characters.", "purpose")
    if not is_web_address(draft.address):
        return Refused(refusal, "An absolute https address without credentials.", "address")
    return _check_client_part(draft)


def _check_client_part(draft: ServiceDraft) -> Refused | None:
    refusal = ServicesRefusal.ONBOARDING_DRAFT
    if not 1 <= len(draft.redirect_uris) <= REDIRECT_URIS_MAX:
        return Refused(refusal, f"1 to {REDIRECT_URIS_MAX} addresses.", "redirect_uris")
    for uri in draft.redirect_uris:
        if not is_web_address(uri) or "#" in uri:
            return Refused(refusal, "Absolute https addresses without fragment.", "redirect_uris")
    scopes = frozenset(draft.scopes)
    if not scopes or not scopes <= SCOPES.keys() - SCOPES_NEVER:
        known = ", ".join(sorted(SCOPES.keys() - SCOPES_NEVER))
        return Refused(refusal, f"Known: {known}.", "scopes")
    if not set(draft.controls) <= CONTROLS.keys():
        return Refused(refusal, f"Known: {', '.join(CONTROLS)}.", "controls")
    if len(draft.service_roles) > SERVICE_ROLES_MAX or not all(
        map(is_role_name, draft.service_roles)
    ):
        detail = f"At most {SERVICE_ROLES_MAX} names such as approver."
        return Refused(refusal, detail, "service_roles")
    if not 1 <= len(draft.keys) <= KEYS_MAX:
        return Refused(refusal, f"1 to {KEYS_MAX} public keys.", "keys")
    seen = set()
    for jwk in draft.keys:
        key = key_from_jwk(jwk)
        if isinstance(key, Refused):
            return Refused(refusal, key.detail, "keys")
        seen.add(key.kid)
    if len(seen) != len(draft.keys):
        return Refused(refusal, "A key is there twice.", "keys")
    return None


def check_review(onboarding: Onboarding, person_id: str, version: int) -> Refused | None:
    """Check that an operator may speak now: the step, the version seen, not twice."""
    if onboarding.state not in REVIEWED_STATES:
        return Refused(ServicesRefusal.ONBOARDING_STATE, f"It is {onboarding.state}.")
    if version != onboarding.version:
        return Refused(ServicesRefusal.ONBOARDING_STALE, field="version")
    if any(review.person_id == person_id for review in onboarding.agreed()):
        return Refused(ServicesRefusal.ONBOARDING_REVIEWED)
    return None


def after_agreement(onboarding: Onboarding) -> OnboardingState | None:
    """The next state when enough reviewers agreed, else None."""
    if len({review.person_id for review in onboarding.agreed()}) < REVIEWERS_NEEDED:
        return None
    is_first = onboarding.state is OnboardingState.SUBMITTED
    return OnboardingState.TESTING if is_first else OnboardingState.LIVE


def after_return(state: OnboardingState) -> OnboardingState:
    """Where a reviewer's return leads: a first request to its draft, a go-live to the test."""
    return OnboardingState.DRAFT if state is OnboardingState.SUBMITTED else OnboardingState.TESTING
