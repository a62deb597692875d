"""Agent firms: a company that acts for another one, and the person who acts through such a chain.

A chain runs from the person's own mandate (for the agent firm) over the firms' mandates to the
client. What the person may do is the intersection of all links: the scopes that all have, the
lowest limit, the most signatures, the lowest role, the time in which all hold. Signatures count
persons, not firms.

Invariants: at most AGENT_LINKS_MAX firms between person and client; a firm's mandate carries
another firm's only with SUBAGENT_SCOPE; firms that act for each other in a circle are refused when
granted (`would_close_a_circle`); neither the right to delegate nor the right to use agents passes
along. Source: RFC 8693 s4.1 for how a token names the chain; the agency rules are ours.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime

import msgspec

from lionrock.identity.domain.mandates import (
    DELEGATE_SCOPE,
    LINK_SEPARATOR,
    SUBAGENT_SCOPE,
    Mandate,
    MandateRole,
    check_draft,
    check_reach,
    outranks,
)
from lionrock.identity.domain.refusals import IdentityRefusal
from lionrock.kernel.errors import Refused
from lionrock.kernel.money import Money

# Person, firm, firm, client: an accountant who uses a specialist. Longer chains hide who acts.
AGENT_LINKS_MAX = 2
_NEVER_PASSED_ON = frozenset({DELEGATE_SCOPE, SUBAGENT_SCOPE})


class FirmMandateDraft(msgspec.Struct, frozen=True, kw_only=True):
    """A mandate of an agent firm as asked for; the members mean what they mean for a person."""

    holder_company_id: str
    company_id: str
    role: MandateRole
    scopes: frozenset[str]
    valid_from: datetime
    valid_to: datetime | None = None
    amount_max: Money | None = None
    signatures_needed: int = 1


class FirmMandate(msgspec.Struct, frozen=True, kw_only=True):
    """A mandate on record whose holder is a company; instants are business time."""

    id: str
    holder_company_id: str
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

    def is_in_force(self, at: datetime) -> bool:
        """Say whether the firm was entitled at an instant, also one long past."""
        if at < self.valid_from or at < self.granted_at:
            return False
        if self.valid_to is not None and at >= self.valid_to:
            return False
        return self.revoked_at is None or at < self.revoked_at


def check_firm_draft(draft: FirmMandateDraft) -> Refused | None:
    """Check a firm's draft: as a person's, no firm for itself, no right to delegate."""
    if draft.holder_company_id == draft.company_id:
        return Refused(IdentityRefusal.MANDATE_DRAFT, "A firm is no agent of its own.", "holder")
    if DELEGATE_SCOPE in draft.scopes:
        detail = f"{DELEGATE_SCOPE} is for officers of the company itself."
        return Refused(IdentityRefusal.MANDATE_DRAFT, detail, field="scopes")
    if not draft.scopes - {SUBAGENT_SCOPE}:
        return Refused(IdentityRefusal.MANDATE_DRAFT, "It allows no deed.", field="scopes")
    return check_draft(draft)


def check_firm_delegation(
    grantor: Mandate, draft: FirmMandateDraft, at: datetime
) -> Refused | None:
    """Refuse a firm's mandate wider than its grantor's own."""
    return check_reach(grantor, draft, draft.scopes - {SUBAGENT_SCOPE}, at)


def through(own: Mandate, firms: Sequence[FirmMandate]) -> Mandate | None:
    """Return what a person may do for the last link's company; None when the links do not join.

    `firms`: from the person's own firm outwards. Time is not looked at here: the answer is in force
    exactly when all links are.
    """
    if not 1 <= len(firms) <= AGENT_LINKS_MAX or own.via:
        return None
    holder_id = own.company_id
    for position, firm in enumerate(firms):
        if firm.holder_company_id != holder_id:
            return None
        if position > 0 and SUBAGENT_SCOPE not in firm.scopes:
            return None
        holder_id = firm.company_id
    if len({own.company_id, *(firm.company_id for firm in firms)}) != len(firms) + 1:
        return None
    return _intersect(own, firms)


def _intersect(own: Mandate, firms: Sequence[FirmMandate]) -> Mandate:
    links: tuple[Mandate | FirmMandate, ...] = (own, *firms)
    ends = [link.valid_to for link in links if link.valid_to is not None]
    revoked = [link.revoked_at for link in links if link.revoked_at is not None]
    role = own.role
    for firm in firms:
        role = firm.role if outranks(role, firm.role) else role
    scopes = frozenset.intersection(*(link.scopes for link in links)) - _NEVER_PASSED_ON
    found = Mandate(
        id=LINK_SEPARATOR.join(link.id for link in links), person_id=own.person_id,
        company_id=firms[-1].company_id, role=role, scopes=scopes,
        valid_from=max(link.valid_from for link in links), valid_to=min(ends, default=None),
        amount_max=lowest(link.amount_max for link in links),
        signatures_needed=max(link.signatures_needed for link in links),
        granted_at=max(link.granted_at for link in links), granted_by=own.granted_by,
        revoked_at=min(revoked, default=None), via=tuple(f.holder_company_id for f in firms),
    )  # fmt: skip
    assert all(found.scopes <= link.scopes for link in links), "no link is exceeded"
    assert not found.scopes & _NEVER_PASSED_ON, "the right to pass on is not passed on"
    return found


def lowest(limits: Iterable[Money | None]) -> Money | None:
    """Return the lowest limit; limits in two currencies leave nothing that both would cover."""
    stated = [limit for limit in limits if limit is not None]
    if not stated:
        return None
    if len({limit.currency for limit in stated}) > 1:
        return Money(0, stated[0].currency)
    return min(stated, key=lambda limit: limit.amount_minor)


def would_close_a_circle(draft: FirmMandateDraft, acts_for: Iterable[str]) -> bool:
    """Say whether the client already acts, over whatever firms, for the firm that would act for it.

    `acts_for`: every company that the draft's client can act for, over any number of links.
    """
    return draft.holder_company_id in set(acts_for)


def chains(
    own: Iterable[Mandate], firms: Iterable[FirmMandate], at: datetime
) -> list[Mandate]:
    """Return what persons may do through firms at an instant, one value per chain.

    `own`: mandates of persons for firms; `firms`: links, as a graph. Only what is in force counts.
    """
    by_holder: dict[str, list[FirmMandate]] = {}
    for firm in firms:
        if firm.is_in_force(at):
            by_holder.setdefault(firm.holder_company_id, []).append(firm)
    found: list[Mandate] = []
    for mandate in own:
        if mandate.is_in_force(at):
            found.extend(_from(mandate, by_holder))
    return found


def _from(own: Mandate, by_holder: Mapping[str, list[FirmMandate]]) -> Iterator[Mandate]:
    paths: list[tuple[FirmMandate, ...]] = [
        (firm,) for firm in by_holder.get(own.company_id, ())
    ]
    for _ in range(AGENT_LINKS_MAX):
        for path in paths:
            derived = through(own, path)
            if derived is not None:
                yield derived
        paths = [
            (*path, firm) for path in paths for firm in by_holder.get(path[-1].company_id, ())
        ]
