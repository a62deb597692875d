"""Mandates: who may act for a company, for what, up to which amount, alone or jointly, until when.

A mandate is never changed: it is granted, and perhaps revoked. So "was X entitled at T" is answered
from the same rows at any later time: valid_from <= T < valid_to, granted at or before T, and not
revoked at or before T. Nobody grants one that is wider than the grantor's own (`check_delegation`).

A person who acts through an agent firm is shown the same value: the intersection of all links
(domain/chains.py), whose id joins theirs. Not for: how links are found, who is asked.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Literal, Protocol

import msgspec

from lionrock.identity.domain.refusals import IdentityRefusal
from lionrock.kernel.errors import Refused
from lionrock.kernel.money import Money

MandateRole = Literal["responsible_person", "administrator", "representative", "user"]
ROLES: tuple[MandateRole, ...] = (
    "responsible_person", "administrator", "representative", "user",
)  # fmt: skip
# Role order for delegation: a lower one never makes a higher one.
_RANK = {role: -position for position, role in enumerate(ROLES)}
SCOPES_MAX = 32
SIGNATURES_MAX = 8
_SCOPE = re.compile(r"[a-z][a-z0-9_]{0,31}(?:[.:][a-z][a-z0-9_]{0,31}){0,2}")
DELEGATE_SCOPE = "mandates.delegate"
# On an agent firm's mandate only: the firm may let firms of its own act for this client too.
# Without it, a firm's own bookkeeper would act for every client of the firm.
SUBAGENT_SCOPE = "mandates.subagent"
LINK_SEPARATOR = "."
# What an operator gives by default with a role; each pillar names the scope it asks for.
_DEEDS = frozenset({"programmes", "exchange", "payments", "documents.sign", "documents.seal"})
ROLE_SCOPES: Mapping[MandateRole, frozenset[str]] = {
    "responsible_person": _DEEDS | {DELEGATE_SCOPE},
    "administrator": frozenset({"programmes", "exchange", DELEGATE_SCOPE}),
    "representative": _DEEDS,
    "user": frozenset({"programmes"}),
}


class MandateDraft(msgspec.Struct, frozen=True, kw_only=True):
    """A mandate as asked for. `signatures_needed` 1 = alone; n = only together with n-1 others."""

    person_id: str
    company_id: str
    role: MandateRole
    scopes: frozenset[str]
    valid_from: datetime
    valid_to: datetime | None = None
    amount_max: Money | None = None
    signatures_needed: int = 1


class Mandate(msgspec.Struct, frozen=True, kw_only=True):
    """A mandate on record; instants are business time.

    `via` names the agent firms that the person acts through, the person's own firm first; the id
    then joins the ids of all links with a full stop.
    """

    id: str
    person_id: str
    company_id: str
    role: MandateRole
    scopes: frozenset[str]
    valid_from: datetime
    valid_to: datetime | None
    amount_max: Money | None
    signatures_needed: int
    granted_at: datetime
    granted_by: str
    revoked_at: datetime | None = None
    via: tuple[str, ...] = ()

    def is_in_force(self, at: datetime) -> bool:
        """Say whether the mandate entitled its holder at an instant, also one long past."""
        if at < self.valid_from or at < self.granted_at:
            return False
        if self.valid_to is not None and at >= self.valid_to:
            return False
        return self.revoked_at is None or at < self.revoked_at

    def covers(self, *, scope: str | None, at: datetime, amount: Money | None = None) -> bool:
        """Say whether a deed of a scope and an amount was within the mandate at an instant."""
        if not self.is_in_force(at) or (scope is not None and scope not in self.scopes):
            return False
        return amount is None or _covers(self.amount_max, amount)

    @property
    def is_joint(self) -> bool:
        """Whether the holder can act only together with others."""
        return self.signatures_needed > 1


class Draft(Protocol):
    """What drafts for persons and for firms have in common."""

    @property
    def company_id(self) -> str:
        """The company that is acted for."""
        ...

    @property
    def role(self) -> MandateRole:
        """The holder's role."""
        ...

    @property
    def scopes(self) -> frozenset[str]:
        """The deeds."""
        ...

    @property
    def valid_from(self) -> datetime:
        """The first instant."""
        ...

    @property
    def valid_to(self) -> datetime | None:
        """The first instant after the last."""
        ...

    @property
    def amount_max(self) -> Money | None:
        """The limit of one deed."""
        ...

    @property
    def signatures_needed(self) -> int:
        """How many persons act together."""
        ...


def check_draft(draft: Draft) -> Refused | None:
    """Check a draft's own sense: role, scopes, period, amount, number of signatures."""
    refusal = IdentityRefusal.MANDATE_DRAFT
    if not draft.scopes or len(draft.scopes) > SCOPES_MAX:
        return Refused(refusal, f"1 to {SCOPES_MAX} scopes are taken.", field="scopes")
    for scope in sorted(draft.scopes):
        if not _SCOPE.fullmatch(scope):
            return Refused(refusal, f"{scope[:40]!r} is no scope name.", field="scopes")
    if draft.valid_to is not None and draft.valid_to <= draft.valid_from:
        return Refused(refusal, "It would end before it begins.", field="valid_to")
    if draft.amount_max is not None and draft.amount_max.amount_minor <= 0:
        return Refused(refusal, "An amount limit is more than zero.", field="amount_max")
    if not 1 <= draft.signatures_needed <= SIGNATURES_MAX:
        return Refused(refusal, f"1 to {SIGNATURES_MAX} signatures.", field="signatures_needed")
    return None


def check_delegation(grantor: Mandate, draft: MandateDraft, at: datetime) -> Refused | None:
    """Refuse a mandate wider than its grantor's own: no privilege growth along a chain."""
    return check_reach(grantor, draft, draft.scopes, at)


def check_reach(
    grantor: Mandate, draft: Draft, scopes: frozenset[str], at: datetime
) -> Refused | None:
    """Compare a draft (whose deeds are `scopes`) with the grantor's own mandate."""
    refusal = IdentityRefusal.MANDATE_DRAFT
    if grantor.company_id != draft.company_id or not grantor.is_in_force(at) or grantor.via:
        # An agent acts for the client; it never says who else does.
        return Refused(IdentityRefusal.MANDATE_MISSING)
    if DELEGATE_SCOPE not in grantor.scopes:
        return Refused(IdentityRefusal.MANDATE_SCOPE, f"{DELEGATE_SCOPE} is needed.")
    if not scopes <= grantor.scopes - {DELEGATE_SCOPE}:
        # The right to delegate is itself never passed on.
        return Refused(refusal, "It is wider than the grantor's own.", field="scopes")
    if _RANK[draft.role] > _RANK[grantor.role]:
        return Refused(refusal, "The role is above the grantor's own.", field="role")
    if draft.signatures_needed < grantor.signatures_needed:
        return Refused(refusal, "Fewer signatures than the grantor's own.", "signatures_needed")
    ends = grantor.valid_to
    if ends is not None and (draft.valid_to is None or draft.valid_to > ends):
        return Refused(refusal, "It would outlive the grantor's own.", field="valid_to")
    if grantor.amount_max is not None and _exceeds(draft.amount_max, grantor.amount_max):
        return Refused(refusal, "The amount is above the grantor's own.", field="amount_max")
    return None


def choose(
    mandates: Iterable[Mandate], *, scope: str | None, at: datetime, amount: Money | None = None
) -> Mandate | Refused:
    """Return the mandate that covers a deed at an instant, or the nearest reason why none does.

    Outcomes: MANDATE_MISSING (none in force), MANDATE_SCOPE, MANDATE_AMOUNT. A mandate to act alone
    is preferred over a joint one, the person's own over one through an agent firm.
    """
    in_force = [m for m in mandates if m.is_in_force(at)]
    if not in_force:
        return Refused(IdentityRefusal.MANDATE_MISSING)
    scoped = [m for m in in_force if scope is None or scope in m.scopes]
    if not scoped:
        return Refused(IdentityRefusal.MANDATE_SCOPE, f"{scope} is not among its scopes.")
    able = [m for m in scoped if amount is None or _covers(m.amount_max, amount)]
    if not able:
        return Refused(IdentityRefusal.MANDATE_AMOUNT)
    return min(able, key=lambda m: (m.signatures_needed, len(m.via), m.granted_at, m.id))


def outranks(role: MandateRole, other: MandateRole) -> bool:
    """Say whether a role stands above another one."""
    return _RANK[role] > _RANK[other]


def _covers(limit: Money | None, amount: Money) -> bool:
    """A limit in another currency covers nothing: we do not convert to find authority."""
    if limit is None:
        return True
    return limit.currency == amount.currency and amount.amount_minor <= limit.amount_minor


def _exceeds(asked: Money | None, limit: Money) -> bool:
    return asked is None or not _covers(limit, asked)
