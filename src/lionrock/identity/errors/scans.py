"""How each refusal of a scanned code looks on the wire: status, sentence, source."""

from __future__ import annotations

from lionrock.identity.domain.scans import ScanRefusal as S
from lionrock.identity.errors import ERRORS
from lionrock.kernel.errors import ErrorRow, ErrorTable

SCAN_ERRORS: ErrorTable = {
    S.FOREIGN: ErrorRow(
        403, "This code is of another site. Sign in only where you started.", "RFC 9700 s4.7"
    ),
    S.UNKNOWN: ErrorRow(404, "No sign-in waits for this code. Scan the one on the page."),
    S.ROTATED: ErrorRow(410, "This code is out of date. Scan the one that the page shows now."),
    S.USED: ErrorRow(409, "This code was scanned before. Start again at the service."),
    S.LIMITED: ErrorRow(429, "Your phone scanned too many codes. Wait ten minutes."),
    S.RETURN: ErrorRow(
        403, "This page was not opened by the app that approved. Start again at the service.",
        "RFC 9700 s4.7",
    ),
}  # fmt: skip
SCAN_ROUTE_ERRORS: ErrorTable = {**ERRORS, **SCAN_ERRORS}
