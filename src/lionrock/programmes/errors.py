"""What programmes refuse outside cases, and how each refusal reads on the wire."""

from __future__ import annotations

from lionrock.kernel.errors import ErrorRow, ErrorTable, Refusal


class ProgrammesRefusal(Refusal):
    """Expected outcomes that are not success."""

    SCHEME_UNKNOWN = "programmes.scheme_unknown"
    RULE_BOOK_UNKNOWN = "programmes.rule_book_unknown"
    FACT_INVALID = "programmes.fact_invalid"
    DATE_INVALID = "programmes.date_invalid"


PROGRAMMES_ERRORS: ErrorTable = {
    ProgrammesRefusal.SCHEME_UNKNOWN: ErrorRow(
        404, "There is no scheme of that id. The list is at /programmes/v1/schemes."
    ),
    ProgrammesRefusal.RULE_BOOK_UNKNOWN: ErrorRow(
        404, "No rule book of that digest was published here. Take the digest from a decision."
    ),
    ProgrammesRefusal.FACT_INVALID: ErrorRow(
        422, "A fact cannot be read. The table of facts is at /programmes/v1/facts."
    ),
    ProgrammesRefusal.DATE_INVALID: ErrorRow(
        422, "The date cannot be read. Write it as 2026-02-20, from 1990 to 2100."
    ),
}
