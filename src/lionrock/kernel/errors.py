"""Expected outcomes that are not success: closed enums, one table per pillar, one wire shape.

Domain and services return `Refused(member)`; only http.py knows status codes and sentences. A
member without a row in its pillar's table fails a test. Exceptions are for bugs and broken I/O.
Source: RFC 9457 (problem details), RFC 6749 s5.2 (OAuth errors).
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum

import msgspec


class Refusal(Enum):
    """Base of one closed enum per pillar; the value is the stable code `pillar.reason`."""


class ErrorRow(msgspec.Struct, frozen=True):
    """How one refusal looks on the wire. `title` is a plain sentence that says what to do next."""

    status: int
    title: str
    clause: str = ""
    oauth: str = ""


ErrorTable = Mapping[Refusal, ErrorRow]


class Refused(msgspec.Struct, frozen=True):
    """A use case's answer when it did not do it.

    `detail` explains this one occurrence and holds no secrets; `field` names the member of the
    input; `keep` asks for the transaction to be committed nevertheless (a remembered replay, a
    counted failed try). `retry_after_s` says when to come again (RFC 9110 s10.2.3), 0 nothing.
    """

    refusal: Refusal
    detail: str = ""
    field: str = ""
    keep: bool = False
    retry_after_s: int = 0


class KernelRefusal(Refusal):
    """What the kernel itself refuses before any pillar's step runs."""

    NOT_FOUND = "kernel.not_found"
    METHOD_NOT_ALLOWED = "kernel.method_not_allowed"
    HOST_UNKNOWN = "kernel.host_unknown"
    FIELD_NOT_ASCII = "kernel.field_not_ascii"
    BODY_TOO_LARGE = "kernel.body_too_large"
    BODY_SLOW = "kernel.body_slow"
    BODY_MALFORMED = "kernel.body_malformed"
    BODY_MEMBER_TWICE = "kernel.body_member_twice"
    MEDIA_TYPE_UNSUPPORTED = "kernel.media_type_unsupported"
    QUERY_MALFORMED = "kernel.query_malformed"
    DATABASE_UNAVAILABLE = "kernel.database_unavailable"
    DISK_FULL = "kernel.disk_full"
    PARTY_UNREACHABLE = "kernel.party_unreachable"
    BUG = "kernel.bug"


KERNEL_ERRORS: ErrorTable = {
    KernelRefusal.NOT_FOUND: ErrorRow(
        404, "There is nothing at this address. The list of endpoints is at /reference."
    ),
    KernelRefusal.METHOD_NOT_ALLOWED: ErrorRow(
        405, "This address does not take this method; the Allow header lists those it takes.",
        "RFC 9110 s15.5.6",
    ),
    KernelRefusal.HOST_UNKNOWN: ErrorRow(
        421, "This server does not answer for that host name. Use the address it was started with.",
        "RFC 9110 s7.4",
    ),
    KernelRefusal.BODY_TOO_LARGE: ErrorRow(
        413, "The request body is larger than this endpoint takes.", "RFC 9110 s15.5.14"
    ),
    KernelRefusal.FIELD_NOT_ASCII: ErrorRow(
        400, "A header field's value is not printable ASCII. Leave the field out or encode it.",
        "RFC 9110 s5.5",
    ),
    KernelRefusal.BODY_SLOW: ErrorRow(
        408, "The request body did not arrive in time. Send it again.", "RFC 9110 s15.5.9"
    ),
    KernelRefusal.BODY_MALFORMED: ErrorRow(
        400, "The request body does not fit the documented shape. Compare it with /reference."
    ),
    KernelRefusal.BODY_MEMBER_TWICE: ErrorRow(
        400, "A JSON object of the request body names one member twice. Name each once.",
        "RFC 7493 s2.3",
    ),
    KernelRefusal.MEDIA_TYPE_UNSUPPORTED: ErrorRow(
        415, "Send the body with the documented Content-Type.", "RFC 9110 s15.5.16"
    ),
    KernelRefusal.QUERY_MALFORMED: ErrorRow(
        400, "The query string does not fit the documented parameters, each given once at most."
    ),
    KernelRefusal.DATABASE_UNAVAILABLE: ErrorRow(
        503, "The database does not answer. Nothing was changed; try again shortly."
    ),
    KernelRefusal.DISK_FULL: ErrorRow(
        507, "The database's disk is full. Nothing was changed; the operator must free space."
    ),
    KernelRefusal.PARTY_UNREACHABLE: ErrorRow(
        503, "Another party does not answer. Your request is kept where it was; try again shortly."
    ),
    KernelRefusal.BUG: ErrorRow(
        500, "Something is broken here, not with your request. The log has the request id."
    ),
}
