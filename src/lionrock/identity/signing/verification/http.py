"""One call and one page that check a signed document. Anybody may ask; nothing is kept.

Not for: signing. Source: RFC 7578 (the page's form), RFC 9457 (refusals of the call).
"""

from __future__ import annotations

from typing import Any

from starlette.responses import Response

from lionrock.identity.errors.chinese import sentence
from lionrock.identity.signing.verification.domain import (
    DOCUMENT_BYTES_MAX,
    VerificationRefusal,
)
from lionrock.identity.signing.verification.errors import VERIFICATION_ERRORS
from lionrock.identity.signing.verification.pages import verify_page
from lionrock.identity.signing.verification.uploads import read_upload
from lionrock.kernel.errors import Refused
from lionrock.kernel.http import Call, Route, html, reply

VERIFICATIONS_PATH = "/identity/v1/verifications"
PAGE_PATH = "/verify"
# Boundaries, heads and the second field around the document.
FORM_BYTES_MAX = DOCUMENT_BYTES_MAX + 8 * 1024
MEDIA_TYPES = ("application/pdf", "application/xml", "text/xml", "application/octet-stream")

VerifyCall = Call[Any, Any]


async def reply_verdict(call: VerifyCall) -> Response | Refused:
    """Check the document that was sent; `company` asks about a company by business number."""
    verdict = await call.room.verification.verify(call.raw_body, call.query.get("company", ""))
    return verdict if isinstance(verdict, Refused) else reply(verdict)


async def reply_form(call: VerifyCall) -> Response:
    """Show the page that takes a document."""
    return html(verify_page(call.lang))


async def reply_page(call: VerifyCall) -> Response:
    """Check the uploaded document and show what was found in plain words."""
    content_type = call.request.headers.get("content-type", "")
    upload = read_upload(content_type, call.raw_body)
    if upload is None:
        return _refused(call, Refused(VerificationRefusal.NOT_SENT))
    verdict = await call.room.verification.verify(upload.document, upload.company)
    if isinstance(verdict, Refused):
        return _refused(call, verdict)
    return html(verify_page(call.lang, verdict))


def _refused(call: VerifyCall, refused: Refused) -> Response:
    row = VERIFICATION_ERRORS[refused.refusal]
    said = sentence(refused.refusal.value, row.title, call.lang)
    return html(verify_page(call.lang, problem=said), row.status)


ROUTES = (
    Route(
        method="POST", path=VERIFICATIONS_PATH, name="verify_document",
        summary="Is a signed document valid, and could the signer bind the company?",
        steps=(reply_verdict,), body_kind="raw", body_media_types=MEDIA_TYPES,
        body_bytes_max=DOCUMENT_BYTES_MAX, query=("company",), replies={200: None},
        errors=VERIFICATION_ERRORS, mode="none", clause="ETSI EN 319 102-1 s5",
    ),
    Route(
        method="GET", path=PAGE_PATH, name="verify_form", summary="The page that takes a document",
        steps=(reply_form,), replies={200: None}, reply_media_type="text/html", mode="none",
        family="html",
    ),
    Route(
        method="POST", path=PAGE_PATH, name="verify_page",
        summary="Check an uploaded document and say it in plain words", steps=(reply_page,),
        body_kind="raw", body_media_types=("multipart/form-data",), body_bytes_max=FORM_BYTES_MAX,
        replies={200: None}, reply_media_type="text/html", errors=VERIFICATION_ERRORS,
        mode="none", family="html",
    ),
)  # fmt: skip
