"""The public register of awards: a page of entries, as values and as CSV (RFC 4180)."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence

import msgspec

from lionrock.kernel.db import Connection
from lionrock.kernel.errors import Refused
from lionrock.kernel.ids import is_id
from lionrock.kernel.money import format_minor
from lionrock.programmes.cases.domain.refusals import CaseRefusal
from lionrock.programmes.cases.domain.values import CURRENCY, RegisterEntry
from lionrock.programmes.cases.store import money as store

PAGE = 200
COLUMNS = (
    "award_id", "programme_id", "programme", "recipient", "recipient_zh_hant",
    "recipient_business_number", "project", "amount", "currency", "paid", "awarded_on", "state",
)  # fmt: skip
# A spreadsheet would run such a cell as a formula.
_FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r")


class RegisterPage(msgspec.Struct, frozen=True):
    """Entries, oldest first; `next_after` is "" on the last page."""

    entries: list[RegisterEntry]
    next_after: str


async def page(db: Connection, after: str | None) -> RegisterPage | Refused:
    """Return the register's entries after an award id; CURSOR_UNKNOWN for anything else."""
    if after is not None and not is_id(after, "awd"):
        return Refused(CaseRefusal.CURSOR_UNKNOWN, field="after")
    found = await store.register(db, after, PAGE + 1)
    entries = found[:PAGE]
    is_more = len(found) > PAGE
    return RegisterPage(entries, entries[-1].award_id if is_more else "")


def as_csv(entries: Sequence[RegisterEntry]) -> str:
    """Return entries as CSV with a header line and CRLF line ends."""
    buffer = io.StringIO()
    writer = csv.writer(buffer)
    writer.writerow(COLUMNS)
    for entry in entries:
        writer.writerow([
            entry.award_id, entry.programme_id, _safe(entry.programme_names.en),
            _safe(entry.recipient_names.en), _safe(entry.recipient_names.zh_hant),
            entry.recipient_business_number, _safe(entry.project_title),
            format_minor(entry.amount_minor, CURRENCY), CURRENCY,
            format_minor(entry.paid_minor, CURRENCY), entry.awarded_on.isoformat(),
            entry.state.value,
        ])  # fmt: skip
    return buffer.getvalue()


def _safe(cell: str) -> str:
    return f"'{cell}" if cell.startswith(_FORMULA_STARTS) else cell
