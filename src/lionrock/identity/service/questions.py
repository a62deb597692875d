"""What a phone is asked for a sign-in: service, address, what it receives, what it is let do."""

from __future__ import annotations

from urllib.parse import urlsplit

from lionrock.identity.domain.approvals import ApprovalRequest
from lionrock.identity.domain.clients import Client
from lionrock.identity.domain.details import joined_details
from lionrock.identity.domain.requests import AuthorizationRequest, show_told, told_scopes
from lionrock.identity.domain.scopes import show_scopes
from lionrock.identity.service.receipts import PLATFORM_ORGANISATION

SIGN_IN_LIFE_S = 300


def sign_in_question(
    person_id: str, request: AuthorizationRequest, client: Client, sign_in_id: str, language: str
) -> ApprovalRequest:
    """Return the question; its details are those that the person may narrow and then grants."""
    address = urlsplit(request.redirect_uri)
    fields = {
        "service": client.names.in_language(language),
        "origin": f"{address.scheme}://{address.netloc}",
        "receives": show_scopes(told_scopes(request), language, show_told(request, language)),
    }
    template = "identity.sign_in"
    if request.details:
        template = "identity.sign_in_details"
        fields["details"] = joined_details(request.details, language)
    return ApprovalRequest(
        kind="sign_in", person_ids=(person_id,), template=template, fields=fields,
        language=language, requester_org=client.organisation_id or PLATFORM_ORGANISATION,
        reference=sign_in_id, number_match=True, expires_in_s=SIGN_IN_LIFE_S,
        details=request.details, is_passing=True,
    )  # fmt: skip
