"""A refusal on one of identity's pages, in the reader's Chinese; English is the kernel's own page.

The sentence is for the person, the stable code for the engineer. The detail, which explains one
occurrence, stays English and is marked so.
"""

from __future__ import annotations

from typing import Any

from starlette.responses import Response

from lionrock.identity.errors.chinese import sentence
from lionrock.identity.http.pages import refused_page
from lionrock.kernel.errors import KERNEL_ERRORS, Refused
from lionrock.kernel.http import html


def show_refusal(call: Any, refused: Refused, step: str) -> Response | None:
    """Return the refusal's page; None for English, or for what has no Chinese sentence."""
    code = refused.refusal.value
    row = call.route.errors.get(refused.refusal) or KERNEL_ERRORS[refused.refusal]
    said = sentence(code, "", call.lang)
    if not said:
        return None
    page = refused_page(
        language=call.lang, sentence=said, detail=refused.detail, code=code, step=step,
        clause=row.clause, request_id=call.request_id,
    )  # fmt: skip
    return html(page, row.status)
