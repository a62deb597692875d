"""Choosing at log-in for which company the person acts; the code then stands for that choice."""

from __future__ import annotations

import msgspec
from starlette.responses import Response

from lionrock.identity.domain.refusals import IdentityRefusal
from lionrock.identity.errors import ERRORS
from lionrock.identity.http.authorize import SignInCall, check_cancel_form, load_sign_in
from lionrock.identity.http.choice_page import SELF
from lionrock.kernel.errors import Refused
from lionrock.kernel.http import Route, redirect


class ChoiceForm(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The form of the page: a company's id, or "self"."""

    form_token: str
    company: str


class ChoiceCall(SignInCall):
    """A browser with an approved sign-in of its own that chooses."""

    body: ChoiceForm  # type: ignore[assignment]  # the page's own form, with the same token


async def check_choice(call: ChoiceCall) -> Refused | None:
    """Take a choice while one is due, of a company that the person may act for now."""
    if not call.view.needs_choice:
        return Refused(IdentityRefusal.SIGN_IN_FINISHED)
    if call.body.company == SELF:
        return None
    person_id = call.view.sign_in.person_id
    assert person_id is not None, "only a person approves"
    mandate = await call.room.mandates.find(call.db, person_id, call.body.company[:64], None)
    # One answer for "no such company" and "not yours": ids are not a directory.
    return Refused(IdentityRefusal.MANDATE_MISSING) if isinstance(mandate, Refused) else None


async def save_choice(call: ChoiceCall) -> Response | Refused:
    """End the sign-in with a code that stands for the choice."""
    company_id = None if call.body.company == SELF else call.body.company
    request = msgspec.structs.replace(
        call.view.request, company_selection=False, company_id=company_id
    )
    view = msgspec.structs.replace(call.view, request=request)
    address = await call.room.authorization.finish(call.db, view)
    return address if isinstance(address, Refused) else redirect(address)


ROUTES = (
    Route(
        method="POST", path="/identity/sign-in/{sign_in_id}/company", name="choose_company",
        summary="Choose for which company to act (browser)",
        steps=(load_sign_in, check_cancel_form, check_choice, save_choice), call=ChoiceCall,
        body=ChoiceForm, body_kind="form", replies={303: None}, reply_media_type="text/html",
        errors=ERRORS, family="html", clause="RFC 9700 s4.7",
    ),
)  # fmt: skip
