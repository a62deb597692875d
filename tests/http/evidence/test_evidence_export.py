"""Bundles out of a real log: what goes in, what is refused, and that they verify offline."""

from __future__ import annotations

import asyncio
import hashlib
import json
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

from lionrock.evidence.api import Artefact, EvidenceRefusal, verify_bundle
from lionrock.evidence.domain import bundle, container
from lionrock.evidence.domain.trust import Trust, parse_trust
from lionrock.kernel.errors import Refused
from lionrock.kernel.jose import generate_key
from tests.http.evidence.town import CASE, OFFICE, Town, payload

TEXT = b"the decision, in full"
DECISION = Artefact("decision.json", "application/json", TEXT)


def digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


async def fill(town: Town) -> None:
    """A case with receipts of platform, office and bank, one of them about a document."""
    await town.run("programmes.case_submitted")
    await town.run("programmes.case_decided", issuer=OFFICE, digests={"decision": digest(TEXT)})
    await town.run("payments.payment_settled", references={"case_id": "cas_other"})
    jws = town.receipt("bank-harbour", kind="payments.credited")
    reply = await town.send("bank-harbour", "POST", "/evidence/v1/receipts", {"receipt": jws})
    assert reply.status == 202


async def refusal(
    town: Town, references: dict[str, str], artefacts: Sequence[Artefact] = ()
) -> EvidenceRefusal:
    result = await town.kernel.database.run(
        lambda db: town.evidence.export_bundle(db, references, artefacts)
    )
    assert isinstance(result, Refused), "it was exported"
    assert isinstance(result.refusal, EvidenceRefusal)
    return result.refusal


def parts_of(encoded: bytes) -> dict[str, bytes]:
    parts = container.decode(encoded)
    assert isinstance(parts, dict)
    return parts


async def test_a_bundle_holds_the_receipts_about_the_case_of_all_issuers(town: Town) -> None:
    await fill(town)
    await town.evidence.catch_up()
    encoded = await town.export(DECISION)
    parts = parts_of(encoded)
    jws = [c.decode() for n, c in parts.items() if n.startswith("receipts/") and n.endswith("jws")]
    assert sorted(payload(each).kind for each in jws) == [
        "payments.credited", "programmes.case_decided", "programmes.case_submitted",
    ]  # fmt: skip
    assert parts["artefacts/001-decision.json"] == TEXT
    verdict = verify_bundle(encoded, await town.trust())
    assert verdict.ok, verdict.failures
    assert any("2 of 2 witnesses" in check.sentence for check in verdict.checks)


async def test_kept_documents_go_in_by_the_digests_of_the_receipts(town: Town) -> None:
    other = b"%PDF-1.7 not about this case"
    await town.kernel.database.run(lambda db: town.evidence.keep(db, TEXT, "application/json"))
    await town.kernel.database.run(lambda db: town.evidence.keep(db, other, "application/pdf"))
    await fill(town)
    await town.evidence.catch_up()
    encoded = await town.export()
    names = [name for name in parts_of(encoded) if name.startswith("artefacts/")]
    assert names == ["artefacts/001-decision.json"]
    assert verify_bundle(encoded, await town.trust()).ok
    given_too = parts_of(await town.export(DECISION))
    assert [name for name in given_too if name.startswith("artefacts/")] == names


async def test_a_bundle_verifies_in_a_process_without_server_or_network(
    town: Town, tmp_path: Path
) -> None:
    await fill(town)
    await town.evidence.catch_up()
    (tmp_path / "evidence.zip").write_bytes(await town.export(DECISION))
    (tmp_path / "trust.json").write_bytes(await town.trust())
    program = (
        "import socket, sys\n"
        "def refuse(*_a, **_k): raise SystemExit('it used the network')\n"
        "socket.socket = socket.create_connection = refuse\n"
        "from lionrock.evidence.domain.verifier import verify_bundle\n"
        "read = lambda name: open(name, 'rb').read()\n"
        "v = verify_bundle(read('evidence.zip'), read('trust.json'))\n"
        "print(v.ok)\n"
        "heavy = {'asyncpg', 'starlette', 'httpx'}\n"
        "print(sorted(heavy & {name.split('.')[0] for name in sys.modules}))\n"
    )
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", program, cwd=tmp_path, stdout=asyncio.subprocess.PIPE
    )
    printed, _ = await process.communicate()
    assert printed.decode().split("\n")[:2] == ["True", "[]"]


async def test_another_towns_honest_bundle_fails_against_ours(
    town: Town,
) -> None:
    await fill(town)
    await town.evidence.catch_up()
    encoded = await town.export(DECISION)
    trust = json.loads(await town.trust())
    other = generate_key()
    for changes in (
        {"directory_key": other.public_jwk}, {"city": "Elsewhere"},
        {"witnesses": trust["witnesses"][:1], "witness_quorum": 1},
    ):  # fmt: skip
        verdict = verify_bundle(encoded, json.dumps(trust | changes).encode())
        assert verdict.ok is ("witnesses" in changes)


async def test_the_trust_file_names_log_witnesses_and_directory(town: Town) -> None:
    certificate = _certificate()
    encoded = await town.kernel.database.run(
        lambda db: town.evidence.trust_anchors(db, ca_certificates=[certificate])
    )
    trust = parse_trust(encoded)
    assert isinstance(trust, Trust)
    assert (trust.city, trust.witness_quorum) == ("Lion Rock Sandbox", 2)
    assert [key.name for key in trust.witness_keys] == ["witness-harbour", "witness-peak"]
    assert trust.ca_certificates == (certificate,)
    assert trust.directory_key.kid == town.directory.signing_key().kid
    assert await town.trust() == await town.trust()
    assert b'"d"' not in encoded


def _certificate() -> str:
    from datetime import UTC, datetime

    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "Test CA")])
    certificate = (
        x509.CertificateBuilder().subject_name(name).issuer_name(name)
        .public_key(key.public_key()).serial_number(1)
        .not_valid_before(datetime(2026, 1, 1, tzinfo=UTC))
        .not_valid_after(datetime(2027, 1, 1, tzinfo=UTC)).sign(key, hashes.SHA256())
    )  # fmt: skip
    return certificate.public_bytes(serialization.Encoding.PEM).decode()


async def test_an_export_before_integration_is_refused_and_after_it_is_not(town: Town) -> None:
    await fill(town)
    assert await refusal(town, CASE) is EvidenceRefusal.NOT_INTEGRATED
    await town.evidence.log.integrate()
    assert await refusal(town, CASE) is EvidenceRefusal.NOT_INTEGRATED
    await town.evidence.log.sign_head()
    await town.export()
    await town.run()
    assert await refusal(town, CASE) is EvidenceRefusal.NOT_INTEGRATED


async def test_an_export_about_nothing_is_refused(town: Town) -> None:
    await fill(town)
    await town.evidence.catch_up()
    for references in ({}, {"case_id": "cas_unknown"}, {"other_name": CASE["case_id"]}):
        assert await refusal(town, references) is EvidenceRefusal.NO_RECEIPTS


async def test_a_document_that_no_receipt_covers_is_refused(town: Town) -> None:
    await fill(town)
    await town.evidence.catch_up()
    invented = Artefact("invented.txt", "text/plain", b"invented")
    assert await refusal(town, CASE, [invented]) is EvidenceRefusal.ARTEFACT_NOT_COVERED


@pytest.mark.parametrize(
    ("name", "media_type"),
    [("../x", "text/plain"), ("A.txt", "text/plain"), ("", "text/plain"), ("a/b", "text/plain"),
     ("a" * 81, "text/plain"), ("a.txt", "text"), ("a.txt", "text/plain; charset=utf-8")],
)  # fmt: skip
async def test_a_document_with_a_bad_name_or_media_type_is_refused(
    town: Town, name: str, media_type: str
) -> None:
    await fill(town)
    await town.evidence.catch_up()
    wrong = Artefact(name, media_type, TEXT)
    assert await refusal(town, CASE, [wrong]) is EvidenceRefusal.ARTEFACT_FIELD


async def test_a_bundle_larger_than_a_verifier_takes_is_refused(
    town: Town, monkeypatch: pytest.MonkeyPatch
) -> None:
    await fill(town)
    await town.evidence.catch_up()
    for module, limit, value in (
        (bundle, "RECEIPTS_MAX", 2), (bundle, "ARTEFACTS_MAX", 0),
        (bundle, "MANIFEST_BYTES_MAX", 100), (container, "CONTAINER_BYTES_MAX", 100),
        (container, "PARTS_MAX", 3),
    ):  # fmt: skip
        with monkeypatch.context() as patch:
            patch.setattr(module, limit, value)
            assert await refusal(town, CASE, [DECISION]) is EvidenceRefusal.BUNDLE_TOO_LARGE
    monkeypatch.setattr(bundle, "RECEIPTS_MAX", 3)
    assert verify_bundle(await town.export(DECISION), await town.trust()).ok


async def test_an_old_bundle_still_verifies_after_the_log_and_the_keys_moved_on(town: Town) -> None:
    await fill(town)
    await town.evidence.catch_up()
    old = await town.export(DECISION)
    trust = await town.trust()
    new_key = generate_key()
    old_kid = town.member_keys["bank-harbour"].kid

    async def rotate(kind: str, **what: object) -> None:
        async def use_case(db: object) -> None:
            asked = await town.directory.request_key_change(
                db, organisation_id="bank-harbour", kind=kind, operator="op-1", **what  # type: ignore[arg-type]  # add or retire
            )  # fmt: skip
            assert not isinstance(asked, Refused), asked
            done = await town.directory.approve_key_change(db, asked.id, operator="op-2")  # type: ignore[arg-type]  # a connection
            assert not isinstance(done, Refused), done

        await town.kernel.database.run(use_case)

    town.kernel.wire_clock.advance(hours=1)  # type: ignore[attr-defined]  # the test's clock
    await rotate("add", jwk=new_key.public_jwk)
    await rotate("retire", kid=old_kid)
    for _ in range(30):
        await town.run()
    await town.evidence.catch_up()
    assert verify_bundle(old, trust).ok
    assert verify_bundle(await town.export(DECISION), trust).ok
