"""My details: what forms are filled in with, each value with its source, and one's own word on it.

A person's own page: whatever company is acted for, it shows and changes the person's values only.
What a registry matched is shown and not changed here; beside it one's own word is kept, and used
when the registry's is not there. Source: RFC 9396 s7.1 (what a form can be given), identity/forms.
"""

from __future__ import annotations

from datetime import date
from typing import Any

import msgspec
from starlette.responses import Response

from lionrock.identity.api import (
    FORM_ADDRESS_FIELDS,
    FORM_ADDRESS_PARTS,
    FORM_FIELDS,
    FORM_OPTIONS,
    FORM_REGIONS,
    FormRefusal,
    FormValue,
    masked_value,
)
from lionrock.kernel.errors import Refused
from lionrock.kernel.http import redirect
from lionrock.kernel.i18n import show_date
from lionrock.portal.http.calls import PlainForm, PortalCall, refusal_sentence, show
from lionrock.portal.texts import TEXTS

_PAGE = "/portal/details"
_SCOPE = "values"
_PHONES = frozenset({"homeNumber", "officeNumber"})
_DAYS = frozenset({"birthDate", "issued_on"})


class DetailForm(PlainForm, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One field as typed: `value`, or for an address its lines; empty lines are left out."""

    value: str = ""
    flat: str = ""
    floor: str = ""
    block: str = ""
    building: str = ""
    estate: str = ""
    street: str = ""
    district: str = ""
    region: str = ""


async def check_values_scope(call: PortalCall) -> Response | None:
    """Have somebody whose session does not show values sign in anew, and be told of it."""
    if _SCOPE in call.signed_in.person.scopes:
        return None
    return redirect(f"/portal/sign-in?to={_PAGE}")


async def reply_details(call: PortalCall) -> Response:
    """Show every field with its value, source and time."""
    return await _page(call)


async def save_detail(call: PortalCall) -> Response | Refused:
    """Keep one's own word on a field; what is not of its shape leads back to the form."""
    field, body = call.path_params["field"], call.body
    kept = await call.room.identity.forms.declare(
        call.db, call.signed_in.person.actor_person_id, field, _typed(field, body)
    )
    if isinstance(kept, Refused) and kept.refusal is FormRefusal.FIELD_VALUE:
        return await _page(call, field, kept)
    return kept if isinstance(kept, Refused) else redirect(f"{_PAGE}#{field}")


async def save_detail_withdrawal(call: PortalCall) -> Response | Refused:
    """Forget one's own word on a field."""
    problem = await call.room.identity.forms.withdraw(
        call.db, call.signed_in.person.actor_person_id, call.path_params["field"]
    )
    return problem if problem is not None else redirect(_PAGE)


async def _page(
    call: PortalCall, wrong_field: str = "", problem: Refused | None = None
) -> Response:
    forms, person_id = call.room.identity.forms, call.signed_in.person.actor_person_id
    known = await forms.values(call.db, person_id)
    own = await forms.own_values(call.db, person_id)
    rows = []
    for name in FORM_FIELDS:
        typed = None
        if problem is not None and name == wrong_field:
            typed = msgspec.to_builtins(call.body)
        rows.append(_row(call, name, known.get(name), own.get(name), typed))
    return show(
        call, "details.html", status=200 if problem is None else 422, rows=rows, problem=problem,
        problem_sentence=refusal_sentence(call, problem) if problem else "",
        regions=FORM_REGIONS, parts=FORM_ADDRESS_PARTS,
    )  # fmt: skip


def _row(
    call: PortalCall,
    name: str,
    known: FormValue | None,
    own: FormValue | None,
    typed: dict[str, str] | None,
) -> dict[str, Any]:
    """What the page shows of a field; `hidden_own`: own word that a registry's goes before."""
    spec, label = FORM_FIELDS[name], FORM_FIELDS[name].label.in_language(call.lang)
    is_behind = own is not None and known is not None and known.source != own.source
    return {
        "name": name, "label": label[:1].upper() + label[1:], "known": known, "own": own,
        "shown": _shown(call, name, known), "is_editable": spec.is_self_declared,
        "hidden_own": _shown(call, name, own) if is_behind else "",
        "is_typed": typed is not None, "typed": typed or _filled(name, own),
        "kind": _kind(name), "options": FORM_OPTIONS.get(name, ()),
    }  # fmt: skip


def _kind(name: str) -> str:
    if name in FORM_ADDRESS_FIELDS:
        return "address"
    if name in FORM_OPTIONS:
        return "choice"
    return "phone" if name in _PHONES else "line"


def _typed(field: str, form: DetailForm) -> Any:
    """Return what was typed in the field's shape; whether it is of it, the pillar says."""
    if field in FORM_ADDRESS_FIELDS:
        lines = {part: " ".join(getattr(form, part).split()) for part in FORM_ADDRESS_PARTS}
        return {part: line for part, line in lines.items() if line}
    if field in _PHONES:
        return "".join(form.value.split()).replace("-", "")
    return form.value.strip()


def _filled(name: str, own: FormValue | None) -> dict[str, str]:
    """What stands in a field's form before anything is typed."""
    empty = dict.fromkeys(("value", *FORM_ADDRESS_PARTS), "")
    if own is None:
        return empty
    if name in FORM_ADDRESS_FIELDS:
        return empty | dict(own.value)
    return empty | {"value": str(own.value)}


def _shown(call: PortalCall, name: str, known: FormValue | None) -> str:
    if known is None:
        return ""
    value = masked_value(name, known.value)
    if isinstance(value, dict):
        order = FORM_ADDRESS_PARTS if name in FORM_ADDRESS_FIELDS else tuple(value)
        return ", ".join(_word(call, part, str(value[part])) for part in order if part in value)
    return _word(call, name, str(value))


def _word(call: PortalCall, name: str, value: str) -> str:
    """A value in the reader's words, where it is one of a set, or a day."""
    text = TEXTS.get(f"detail_{name}_{value}")
    if text is not None:
        return text.in_language(call.lang)
    return show_date(date.fromisoformat(value), call.lang) if name in _DAYS else value
