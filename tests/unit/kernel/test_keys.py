"""The key store: made once, read by everyone with the passphrase, and by nobody else."""

from __future__ import annotations

import datetime
import json
import multiprocessing
import os
import stat
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.x509.oid import NameOID

from lionrock.kernel import keys
from lionrock.kernel.jose import KeyKind
from lionrock.kernel.keys import KeyFileDamaged, KeyStore, KeyStoreError, WrongPassphrase

FAST = 2**4


def opened(directory: Path, passphrase: str = "a passphrase") -> KeyStore:
    return KeyStore(directory / "keys", passphrase, scrypt_cost=FAST)


@pytest.mark.parametrize("kind", ["ES256", "Ed25519", "RSA-2048", "RSA-3072"])
def test_a_key_is_made_once_and_read_ever_after(tmp_path: Path, kind: KeyKind) -> None:
    first = opened(tmp_path).get_or_create("platform/as-signing", kind)
    again = opened(tmp_path).get_or_create("platform/as-signing", kind)
    assert first.kid == again.kid
    assert first.pkcs8() == again.pkcs8()


def test_the_same_store_gives_the_same_object(tmp_path: Path) -> None:
    store = opened(tmp_path)
    assert store.get_or_create("a") is store.get_or_create("a")
    assert store.get("a") is store.get_or_create("a")


def test_an_encryption_key_stays_one(tmp_path: Path) -> None:
    opened(tmp_path).get_or_create("sealed", use="enc")
    assert opened(tmp_path).get_or_create("sealed", use="enc").use == "enc"


def test_asking_for_another_kind_or_use_is_refused(tmp_path: Path) -> None:
    store = opened(tmp_path)
    store.get_or_create("a")
    with pytest.raises(KeyStoreError, match="use another name"):
        store.get_or_create("a", "Ed25519")
    with pytest.raises(KeyStoreError, match="use another name"):
        store.get_or_create("a", use="enc")


def test_a_secret_is_made_once_and_has_the_length_asked_for(tmp_path: Path) -> None:
    first = opened(tmp_path).secret("identity/lookup", 32)
    assert len(first) == 32
    assert opened(tmp_path).secret("identity/lookup", 32) == first
    with pytest.raises(KeyStoreError, match="no secret of 16"):
        opened(tmp_path).secret("identity/lookup", 16)


@pytest.mark.parametrize("count", [15, 65])
def test_a_secret_outside_the_limits_is_not_made(tmp_path: Path, count: int) -> None:
    with pytest.raises(AssertionError):
        opened(tmp_path).secret("s", count)


def test_a_key_is_no_secret_and_a_secret_no_key(tmp_path: Path) -> None:
    store = opened(tmp_path)
    store.get_or_create("key")
    store.secret("secret")
    with pytest.raises(KeyStoreError, match="use another name"):
        store.secret("key")
    with pytest.raises(KeyStoreError, match="not a private key"):
        store.get_or_create("secret")


def test_what_is_not_there_is_none(tmp_path: Path) -> None:
    store = opened(tmp_path)
    assert store.get("nothing") is None
    assert store.certificate("nothing") is None
    assert store.names() == []


def test_a_wrong_passphrase_is_named_as_such(tmp_path: Path) -> None:
    opened(tmp_path).get_or_create("a")
    with pytest.raises(WrongPassphrase, match="does not open"):
        opened(tmp_path, "another passphrase").get("a")


def test_a_wrong_passphrase_adds_nothing_to_the_store(tmp_path: Path) -> None:
    opened(tmp_path).get_or_create("a")
    with pytest.raises(WrongPassphrase):
        opened(tmp_path, "another passphrase").get_or_create("b")
    assert opened(tmp_path).names() == ["a"]


def test_an_empty_passphrase_is_refused(tmp_path: Path) -> None:
    with pytest.raises(WrongPassphrase, match="needs a passphrase"):
        opened(tmp_path, "")


def test_files_are_for_their_owner_only(tmp_path: Path) -> None:
    old = os.umask(0)
    try:
        opened(tmp_path).get_or_create("platform/as-signing")
    finally:
        os.umask(old)
    files = [path for path in (tmp_path / "keys").rglob("*") if path.is_file()]
    assert len(files) == 2
    assert {stat.S_IMODE(path.stat().st_mode) for path in files} == {0o600}


def test_no_private_byte_is_on_the_disk(tmp_path: Path) -> None:
    store = opened(tmp_path)
    key, secret = store.get_or_create("a"), store.secret("s")
    assert key.private is not None
    number = key.private.private_numbers().private_value  # type: ignore[union-attr]  # P-256 key
    everything = b"".join(p.read_bytes() for p in (tmp_path / "keys").rglob("*") if p.is_file())
    raw = b"".join(
        part for value in _encoded_values(tmp_path) for part in (value, value.hex().encode())
    )
    for needle in (number.to_bytes(32, "big"), secret, key.pkcs8(), b"a passphrase"):
        assert needle not in everything
        assert needle not in raw


def _encoded_values(tmp_path: Path) -> list[bytes]:
    import base64

    values = []
    for path in (tmp_path / "keys").rglob("*"):
        if path.is_file():
            content = json.loads(path.read_bytes())
            values += [base64.b64decode(v) for v in content.values()
                       if isinstance(v, str) and len(v) % 4 == 0 and "/" not in v[:8]]
    return values


def test_every_damaged_byte_of_a_key_file_is_noticed(tmp_path: Path) -> None:
    store = opened(tmp_path)
    kid = store.get_or_create("a").kid
    path = tmp_path / "keys" / "a.sealed"
    whole = path.read_bytes()
    for at in range(len(whole)):
        path.write_bytes(whole[:at] + bytes([whole[at] ^ 0x04]) + whole[at + 1 :])
        with pytest.raises(KeyFileDamaged, match=r"a\.sealed"):
            opened_again(store).get("a")
    path.write_bytes(whole)
    found = opened_again(store).get("a")
    assert found is not None
    assert found.kid == kid


def opened_again(store: KeyStore) -> KeyStore:
    """A store with the derived key of another but no cached items: only the files are read."""
    store._keys.clear()
    return store


@pytest.mark.parametrize("kept", [0, 1, 50])
def test_a_truncated_key_file_is_noticed(tmp_path: Path, kept: int) -> None:
    opened(tmp_path).get_or_create("a")
    path = tmp_path / "keys" / "a.sealed"
    path.write_bytes(path.read_bytes()[:kept])
    with pytest.raises(KeyFileDamaged):
        opened(tmp_path).get_or_create("a")


def test_an_oversized_file_is_not_read_into_memory(tmp_path: Path) -> None:
    opened(tmp_path).get_or_create("a")
    (tmp_path / "keys" / "a.sealed").write_bytes(b"x" * (keys.FILE_BYTES_MAX + 1))
    with pytest.raises(KeyFileDamaged):
        opened(tmp_path).get("a")


def test_a_file_copied_over_another_is_noticed(tmp_path: Path) -> None:
    store = opened(tmp_path)
    store.get_or_create("a")
    store.get_or_create("b")
    (tmp_path / "keys" / "a.sealed").replace(tmp_path / "keys" / "b.sealed")
    with pytest.raises(KeyFileDamaged):
        opened(tmp_path).get("b")


@pytest.mark.parametrize(
    ("field", "value"),
    [("cost", 2**30), ("cost", 3), ("cost", 0), ("lanes", 10_000), ("lanes", 0), ("format", "x")],
)
def test_a_store_file_cannot_ask_for_endless_work(
    tmp_path: Path, field: str, value: object
) -> None:
    opened(tmp_path).get_or_create("a")
    path = tmp_path / "keys" / "keystore.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {field: value}))
    with pytest.raises(KeyFileDamaged):
        opened(tmp_path).get("a")


def test_a_damaged_store_file_is_noticed(tmp_path: Path) -> None:
    opened(tmp_path).get_or_create("a")
    (tmp_path / "keys" / "keystore.json").write_text("{")
    with pytest.raises(KeyFileDamaged, match=r"keystore\.json"):
        opened(tmp_path).get("a")


@pytest.mark.parametrize(
    "name",
    ["", "/", "../up", "a/../b", "/etc/passwd", "a//b", "A", "a b", "a\n", "a/", ".hidden",
     "a\0", "é", "a..b", "x" * 121],
)  # fmt: skip
def test_a_name_cannot_lead_out_of_the_store(tmp_path: Path, name: str) -> None:
    with pytest.raises(ValueError, match="not a key name"):
        opened(tmp_path).get_or_create(name)


def test_a_name_at_the_limit_is_taken(tmp_path: Path) -> None:
    assert opened(tmp_path).get_or_create("x" * keys.NAME_LENGTH_MAX)


def test_what_a_crash_left_aside_is_not_taken_for_a_key(tmp_path: Path) -> None:
    store = opened(tmp_path)
    store.get_or_create("a")
    aside = tmp_path / "keys" / ".b.sealed.leftover"
    aside.write_bytes(b"half")
    assert store.names() == ["a"]
    assert store.get("b") is None
    assert store.get_or_create("b")


def test_no_file_is_left_aside(tmp_path: Path) -> None:
    store = opened(tmp_path)
    store.get_or_create("a")
    store.put_certificate("a", certificate(store))
    names = sorted(path.name for path in (tmp_path / "keys").iterdir())
    assert names == ["a.certificate.sealed", "a.sealed", "keystore.json"]


def certificate(store: KeyStore, name: str = "a", common_name: str = "test") -> bytes:
    key = store.get_or_create(name)
    assert key.private is not None
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common_name)])
    start = datetime.datetime(2026, 1, 1, tzinfo=datetime.UTC)
    builder = x509.CertificateBuilder(
        issuer_name=subject, subject_name=subject, public_key=key.public, serial_number=1,
        not_valid_before=start, not_valid_after=start + datetime.timedelta(days=1),
    )  # fmt: skip
    signed = builder.sign(key.private, hashes.SHA256())
    return signed.public_bytes(serialization.Encoding.PEM)


def test_a_certificate_is_kept_beside_its_key_and_can_be_replaced(tmp_path: Path) -> None:
    store = opened(tmp_path)
    first, second = certificate(store), certificate(store, common_name="renewed")
    store.put_certificate("a", first)
    assert opened(tmp_path).certificate("a") == first
    store.put_certificate("a", second)
    assert opened(tmp_path).certificate("a") == second
    assert store.names() == ["a", "a.certificate"]


def test_what_is_no_certificate_is_not_kept(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="PEM"):
        opened(tmp_path).put_certificate("a", b"not a certificate")


def _race(directory: str, start: object, results: object) -> None:
    start.wait()  # type: ignore[attr-defined]  # a multiprocessing Event
    store = KeyStore(Path(directory), "a passphrase", scrypt_cost=FAST)
    found = [store.get_or_create(f"race/{i}").kid for i in range(5)]
    found.append(store.secret("race/secret").hex())
    results.put(found)  # type: ignore[attr-defined]  # a multiprocessing Queue


def test_processes_that_make_the_same_keys_at_once_end_with_the_same(tmp_path: Path) -> None:
    context = multiprocessing.get_context("spawn")
    start, results = context.Event(), context.Queue()
    processes = [
        context.Process(target=_race, args=(str(tmp_path / "keys"), start, results))
        for _ in range(4)
    ]
    for process in processes:
        process.start()
    start.set()
    found = [results.get(timeout=60) for _ in processes]
    for process in processes:
        process.join(timeout=60)
        assert process.exitcode == 0
    assert all(each == found[0] for each in found)
