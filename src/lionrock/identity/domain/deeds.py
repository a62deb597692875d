"""Deeds that change a company's mandates, whom they are asked of, and the words that are shown.

A deed is asked for by one officer and takes effect when enough officers approve it on their phones.
Whoever approves must be able to do it by their own mandate: a grant is never wider than the
mandate of any approver. Signatures count persons, each once, however many mandates one holds.
Not for: the approval itself (domain/approvals.py), storage.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Literal

import msgspec

from lionrock.identity.domain.approvals import PERSONS_MAX
from lionrock.identity.domain.chains import (
    FirmMandate,
    FirmMandateDraft,
    check_firm_delegation,
)
from lionrock.identity.domain.companies import CompanyRefusal
from lionrock.identity.domain.mandates import (
    DELEGATE_SCOPE,
    SUBAGENT_SCOPE,
    Mandate,
    MandateDraft,
    MandateRole,
    check_delegation,
    outranks,
)
from lionrock.identity.domain.refusals import IdentityRefusal
from lionrock.kernel.errors import Refused
from lionrock.kernel.i18n import Text, show_instant
from lionrock.kernel.money import Money

DeedState = Literal["pending", "effective", "refused"]
DEED_KIND = "identity.mandate"
DEED_LIFE_S = 24 * 3600
DEEDS_PENDING_MAX = 16
SERVICE_ROLES_MAX = 32
# Whom nobody can be: what a grant to an unknown identifier is kept under, so that asking for one
# does not tell who holds an identity.
NOBODY = "per_unknown"
_ROLE_NAME = re.compile(r"[a-z][a-z0-9_.-]{0,47}")


class GrantToPerson(msgspec.Struct, frozen=True, tag="grant", tag_field="kind"):
    """Let a person act for the company."""

    draft: MandateDraft


class GrantToFirm(msgspec.Struct, frozen=True, tag="grant_firm", tag_field="kind"):
    """Let a firm act for the company."""

    draft: FirmMandateDraft


class Revoke(msgspec.Struct, frozen=True, tag="revoke", tag_field="kind"):
    """End a mandate; `is_resignation` when its holder lays it down."""

    mandate_id: str
    is_resignation: bool = False


class AssignServiceRole(msgspec.Struct, frozen=True, tag="assign_role", tag_field="kind"):
    """Give a mandate a role that a service declared (its eServiceRole)."""

    mandate_id: str
    client_id: str
    role: str


class WithdrawServiceRole(msgspec.Struct, frozen=True, tag="withdraw_role", tag_field="kind"):
    """Take a role at a service away."""

    service_role_id: str


Deed = GrantToPerson | GrantToFirm | Revoke | AssignServiceRole | WithdrawServiceRole


class DeedRequest(msgspec.Struct, frozen=True, kw_only=True):
    """A deed as asked for. `outcome` is what it made (an id), or why it took no effect."""

    id: str
    company_id: str
    deed: Deed
    requested_by: str
    approval_id: str | None
    state: DeedState
    created_at: datetime
    outcome: str | None = None
    decided_at: datetime | None = None

    @property
    def kind(self) -> str:
        """The deed's tag."""
        return str(self.deed.__struct_config__.tag)


class ServiceRole(msgspec.Struct, frozen=True, kw_only=True):
    """A role at a service that a company gave to the holder of one of its mandates."""

    id: str
    mandate_id: str
    company_id: str
    client_id: str
    role: str
    granted_at: datetime
    granted_by: str
    revoked_at: datetime | None = None


class CompanyApprovalRequest(msgspec.Struct, frozen=True, kw_only=True):
    """What a pillar asks a company; `person_id` is the officer who starts it and is asked first."""

    person_id: str
    company_id: str
    scope: str
    kind: str
    template: str
    fields: dict[str, str]
    language: str
    requester_org: str
    reference: str
    amount: Money | None = None
    number_match: bool = False
    expires_in_s: int = DEED_LIFE_S


def whom_to_ask(own: Mandate, able: Iterable[Mandate]) -> tuple[tuple[str, ...], int] | Refused:
    """Return the persons to ask, the one who starts it first, and how many must approve.

    Who may act alone is asked alone. Otherwise all who need no more signatures than the quorum are
    asked; OFFICERS_TOO_FEW when no quorum can be reached.
    """
    if not own.is_joint:
        return (own.person_id,), 1
    needs = {own.person_id: own.signatures_needed}
    for mandate in able:
        before = needs.get(mandate.person_id, mandate.signatures_needed)
        needs[mandate.person_id] = min(before, mandate.signatures_needed)
    needs[own.person_id] = own.signatures_needed
    for quorum in sorted({need for need in needs.values() if need >= own.signatures_needed}):
        others = sorted(
            person for person, need in needs.items() if need <= quorum and person != own.person_id
        )
        if 1 + len(others) >= quorum:
            return (own.person_id, *others[: PERSONS_MAX - 1]), quorum
    return Refused(CompanyRefusal.OFFICERS_TOO_FEW)


def is_role_name(name: str) -> bool:
    """Say whether a service may declare a role of this name: it appears on phones."""
    return _ROLE_NAME.fullmatch(name) is not None


def check_may(
    officer: Mandate, deed: Deed, target: Mandate | FirmMandate | None, at: datetime
) -> Refused | None:
    """Say whether an officer's own mandate is wide enough for a deed; `target`: whom it is about.

    MANDATE_MISSING, MANDATE_SCOPE, MANDATE_DRAFT (wider than, or above, the officer's own).
    """
    if isinstance(deed, GrantToPerson):
        return check_delegation(officer, deed.draft, at)
    if isinstance(deed, GrantToFirm):
        return check_firm_delegation(officer, deed.draft, at)
    if not officer.is_in_force(at) or officer.via:
        return Refused(IdentityRefusal.MANDATE_MISSING)
    if DELEGATE_SCOPE not in officer.scopes:
        return Refused(IdentityRefusal.MANDATE_SCOPE, f"{DELEGATE_SCOPE} is needed.")
    if target is not None and outranks(target.role, officer.role):
        return Refused(IdentityRefusal.MANDATE_DRAFT, "The role is above your own.", field="role")
    return None


ROLE_TEXTS: Mapping[MandateRole, Text] = {
    "responsible_person": Text("responsible person", "負責人", "负责人"),
    "administrator": Text("administrator", "管理人", "管理人"),
    "representative": Text("representative", "代表", "代表"),
    "user": Text("user", "使用者", "使用者"),
}
# The scopes that we know in words; another pillar's own name is shown as it is.
SCOPE_TEXTS: Mapping[str, Text] = {
    "programmes": Text("applications to programmes", "計劃申請", "计划申请"),
    "exchange": Text("the company's data", "公司資料", "公司资料"),
    "payments": Text("payments", "付款", "付款"),
    "documents.sign": Text("signing documents", "簽署文件", "签署文件"),
    "documents.seal": Text("sealing documents", "文件蓋章", "文件盖章"),
    SUBAGENT_SCOPE: Text("using agents of its own", "可用其代理", "可用其代理"),
}
_NO_LIMIT = Text("none", "無上限", "无上限")
_NO_END = Text("revoked", "撤銷", "撤销")
_JOIN = Text(", ", "、", "、")


def show_draft(draft: MandateDraft | FirmMandateDraft, language: str) -> dict[str, str]:
    """Return the fields of the words that are about a draft: all that its holder would get."""
    scopes = [
        SCOPE_TEXTS[scope].in_language(language) if scope in SCOPE_TEXTS else scope
        for scope in sorted(draft.scopes)
    ]  # fmt: skip
    limit, ends = draft.amount_max, draft.valid_to
    return {
        "role": ROLE_TEXTS[draft.role].in_language(language),
        "scopes": _JOIN.in_language(language).join(scopes),
        "limit": f"{limit.currency} {limit.wire()}" if limit else _NO_LIMIT.in_language(language),
        "signatures": str(draft.signatures_needed),
        "from": show_instant(draft.valid_from, language),
        "until": show_instant(ends, language) if ends else _NO_END.in_language(language),
    }
