"""Reading a payment code on a page: what it says, in words, or which rule it breaks and where.

Nothing is stored. A payload comes from a scanner, so it is shown as text only, never as a link.
"""

from __future__ import annotations

from starlette.responses import Response

from lionrock.kernel.errors import Refused
from lionrock.kernel.i18n import show_money
from lionrock.payments.api import QR_ERRORS, Code, decode_code
from lionrock.portal.http.calls import PortalCall, show
from lionrock.portal.texts import refusal_text

PAYLOAD_SHOWN_MAX = 1_024


async def reply_codes(call: PortalCall) -> Response:
    """Show the form, and what was read."""
    payload = call.query.get("payload", "")[:PAYLOAD_SHOWN_MAX]
    found = decode_code(payload) if payload else None
    if isinstance(found, Refused):
        row = QR_ERRORS[found.refusal]
        sentence = refusal_text(found.refusal.value, row.title, call.lang)
        return show(
            call, "codes.html", payload=payload, facts=[], refused=found, sentence=sentence,
            warnings=(), status=200,
        )
    return show(
        call, "codes.html", payload=payload, refused=None, sentence="",
        facts=_facts(found, call.lang) if found else [],
        warnings=[f"code_{name}" for name in found.warnings] if found else [],
    )


def _facts(code: Code, language: str) -> list[tuple[str, str]]:
    """What a code says, as (name of a text, value)."""
    content = code.content
    fps, references = content.fps, content.additional
    amount = content.amount
    template = content.language
    rows = {
        f"code_{fps.proxy_kind}" if fps else "code_scheme": fps.proxy if fps else "",
        "amount": show_money(amount.amount_minor, amount.currency, language) if amount else "",
        "code_name": template.name if template and language != "en" else content.name,
        "code_bill": references.bill if references else "",
        "code_reference": references.reference if references else "",
        "code_timeout": fps.timeout if fps else "",
    }
    return [(name, value) for name, value in rows.items() if value and value != "NA"]
