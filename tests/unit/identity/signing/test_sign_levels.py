"""The baseline levels B-B to B-LTA, alone and in a chain; checked by pyHanko, openssl, poppler."""

from __future__ import annotations

import pytest

from lionrock.identity.signing import Level, SignedPdf, Signer, Signing, validate_pdf
from lionrock.kernel.context import Kernel
from tests.unit.identity.signing.signing_world import (
    PERSON,
    SEAL,
    Books,
    plain_pdf,
    signing_for,
)

LEVELS = list(Level)


async def sign(
    kernel: Kernel, service: Signing, books: Books, pdf: bytes, signer: Signer, level: Level
) -> bytes:
    """One more signature of the chain "application"."""
    approval_id = books.approve(signer, pdf)
    signed = await kernel.database.run(
        lambda db: service.sign_pdf(
            db, pdf, signer, approval_id, chain="application", level=level
        )
    )
    assert isinstance(signed, SignedPdf), signed
    return signed.pdf


async def application(kernel: Kernel, level: Level) -> tuple[bytes, list[str]]:
    """An application signed by a person, then sealed, both at one level."""
    service, books = signing_for(kernel)
    books.grant()
    once = await sign(kernel, service, books, plain_pdf(), PERSON, level)
    twice = await sign(kernel, service, books, once, SEAL, level)
    return twice, await kernel.database.run(service.ca_certificates)


@pytest.mark.parametrize("level", LEVELS)
async def test_person_then_seal_are_valid_at_each_level(kernel: Kernel, level: Level) -> None:
    pdf, ca = await application(kernel, level)
    reports = validate_pdf(pdf, ca)
    assert [report.kind for report in reports] == ["person", "company-seal"]
    assert all(report.is_valid for report in reports), reports
    assert [report.level for report in reports] == [level.value] * 2
    if level is not Level.B:
        assert reports[0].timestamped_at == kernel.wire_clock.now()
