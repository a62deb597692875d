"""Signing keys inside a PKCS#11 token (SoftHSM): same signatures, nothing exported."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import msgspec
import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import Prehashed

from lionrock.identity.signing import Level, SignedPdf, Signing, validate_pdf
from lionrock.identity.signing.keys import signing_keys
from lionrock.kernel.context import Kernel
from lionrock.kernel.keys import KeyStoreError
from tests.unit.identity.signing.signing_world import PERSON, SEAL, plain_pdf, signing_for

pkcs11 = pytest.importorskip("lionrock.identity.signing.pkcs11", reason="no python-pkcs11 here")
MODULES = (
    "/usr/lib/softhsm/libsofthsm2.so", "/usr/lib/x86_64-linux-gnu/softhsm/libsofthsm2.so",
    "/usr/lib64/pkcs11/libsofthsm2.so", "/opt/homebrew/lib/softhsm/libsofthsm2.so",
)  # fmt: skip
PIN = "1234"
pytestmark = pytest.mark.interop


@pytest.fixture(scope="session")
def token(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, str]]:
    """Module path and label of a SoftHSM token; one a run, because the module reads them once."""
    module = next((path for path in MODULES if Path(path).exists()), None)
    assert module, "SoftHSM is not installed (Debian: apt-get install softhsm2)"
    folder = tmp_path_factory.mktemp("softhsm")
    (folder / "tokens").mkdir()
    configuration = folder / "softhsm2.conf"
    configuration.write_text(f"directories.tokendir = {folder / 'tokens'}\n")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SOFTHSM2_CONF", str(configuration))
        subprocess.run(
            ["softhsm2-util", "--init-token", "--free",
             "--label", "city", "--pin", PIN, "--so-pin", PIN],
            check=True, capture_output=True,
        )  # fmt: skip
        yield module, "city"


@pytest.fixture
def opened(token: tuple[str, str]) -> Iterator[Any]:
    """The token's keys, logged in."""
    keys = pkcs11.Pkcs11Keys(*token, PIN)
    yield keys
    keys.close()


def test_key_outlives_the_session(token: tuple[str, str]) -> None:
    first = pkcs11.Pkcs11Keys(*token, PIN)
    kid = first.get_or_create("test/lasting").kid
    first.close()
    second = pkcs11.Pkcs11Keys(*token, PIN)
    assert second.get_or_create("test/lasting").kid == kid
    second.close()


def test_key_stays_the_same_signs_and_is_not_exported(opened: Any) -> None:
    keys = opened
    key = keys.get_or_create("test/ca")
    assert keys.get_or_create("test/ca").kid == key.kid
    assert keys.get_or_create("test/tsa").kid != key.kid
    assert isinstance(key.private, ec.EllipticCurvePrivateKey)
    assert isinstance(key.public, ec.EllipticCurvePublicKey)
    algorithm = ec.ECDSA(hashes.SHA256())
    key.public.verify(key.private.sign(b"data", algorithm), b"data", algorithm)
    prehashed = ec.ECDSA(Prehashed(hashes.SHA256()))
    key.public.verify(key.private.sign(b"\1" * 32, prehashed), b"\1" * 32, prehashed)
    with pytest.raises(InvalidSignature):
        key.public.verify(key.private.sign(b"data", algorithm), b"other", algorithm)
    with pytest.raises(ValueError, match="not exported"):
        key.pkcs8()
    with pytest.raises(ValueError, match="not exported"):
        key.private.private_numbers()
    with pytest.raises(ValueError, match="SHA-256"):
        key.private.sign(b"data", ec.ECDSA(hashes.SHA512()))
    with pytest.raises(ValueError, match="32 octets"):
        key.private.sign(b"data", prehashed)
    with pytest.raises(ValueError, match="only signs"):
        key.private.exchange(ec.ECDH(), key.public)


def test_rsa_pair_stays_the_same_signs_and_is_not_exported(opened: Any) -> None:
    key = opened.get_or_create("test/rsa", "RSA-3072")
    assert opened.get_or_create("test/rsa", "RSA-3072").kid == key.kid
    assert isinstance(key.private, rsa.RSAPrivateKey)
    assert isinstance(key.public, rsa.RSAPublicKey)
    assert key.private.key_size == key.public.key_size == 3072
    plain, prehashed = padding.PKCS1v15(), Prehashed(hashes.SHA256())
    signature = key.private.sign(b"data", plain, hashes.SHA256())
    key.public.verify(signature, b"data", plain, hashes.SHA256())
    key.public.verify(key.private.sign(b"\1" * 32, plain, prehashed), b"\1" * 32, plain, prehashed)
    with pytest.raises(InvalidSignature):
        key.public.verify(signature, b"other", plain, hashes.SHA256())
    with pytest.raises(ValueError, match="PKCS #1"):
        key.private.sign(b"data", padding.PSS(padding.MGF1(hashes.SHA256()), 32), hashes.SHA256())
    with pytest.raises(ValueError, match="SHA-256"):
        key.private.sign(b"data", plain, hashes.SHA512())
    with pytest.raises(ValueError, match="only signs"):
        key.private.decrypt(signature, plain)
    with pytest.raises(ValueError, match="not exported"):
        key.pkcs8()
    with pytest.raises(ValueError, match="not exported"):
        key.private.private_numbers()
    with pytest.raises(KeyStoreError, match="another kind"):
        opened.get_or_create("test/rsa")


def test_rsa_pair_outlives_the_session(token: tuple[str, str]) -> None:
    first = pkcs11.Pkcs11Keys(*token, PIN)
    kid = first.get_or_create("test/rsa-lasting", "RSA-3072").kid
    first.close()
    second = pkcs11.Pkcs11Keys(*token, PIN)
    assert second.get_or_create("test/rsa-lasting", "RSA-3072").kid == kid
    second.close()


async def test_documents_signed_by_the_token_are_valid_at_every_level(
    kernel: Kernel, token: tuple[str, str]
) -> None:
    module, label = token
    settings = msgspec.structs.replace(
        kernel.settings, pkcs11_module=module, pkcs11_token=label, pkcs11_pin=PIN
    )
    _, books = signing_for(kernel)
    keys: Any = signing_keys(settings, kernel.key_store)
    service = Signing(kernel, books, books, keys)
    books.grant()
    pdf = plain_pdf()
    for signer, level in ((PERSON, Level.LTA), (SEAL, Level.LTA)):
        current = pdf
        approval_id = books.approve(signer, current)
        sign = partial(
            service.sign_pdf, pdf=current, signer=signer, approval_id=approval_id,
            chain="application", level=level,
        )  # fmt: skip
        signed = await kernel.database.run(sign)
        assert isinstance(signed, SignedPdf), signed
        pdf = signed.pdf
    ca = await kernel.database.run(service.ca_certificates)
    assert [r.is_valid for r in validate_pdf(pdf, ca)] == [True, True]
    keys.close()
    assert not any("signing" in name for name in kernel.key_store.names())


@pytest.mark.parametrize(("label", "pin"), [("", "wrong"), ("no such token", PIN)])
def test_wrong_pin_and_unknown_token_say_what_to_do(
    token: tuple[str, str], label: str, pin: str
) -> None:
    with pytest.raises(KeyStoreError, match="pkcs11_"):
        pkcs11.Pkcs11Keys(token[0], label or token[1], pin)


def test_two_pairs_of_one_name_are_refused(opened: Any) -> None:
    opened._make("twice", "ES256")
    opened._make("twice", "ES256")
    with pytest.raises(KeyStoreError, match="exactly one"):
        opened.get_or_create("twice")


async def test_without_a_module_the_key_store_is_used(kernel: Kernel) -> None:
    assert signing_keys(kernel.settings, kernel.key_store) is kernel.key_store
