"""The key store: private keys, secrets and certificates as files, encrypted at rest.

One file per item, `<name>.sealed`, AES-256-GCM under a key derived from the passphrase with scrypt
(once per process). The item's kind and name are authenticated, so that a file copied over another
is noticed. A file appears whole or not at all (written aside, synced, linked); of two processes
that create the same item at once, the loser reads the winner's.

Not for: public keys of other organisations (directory), hardware modules.
Source: RFC 7914 (scrypt), NIST SP 800-38D (GCM), RFC 5958 (PKCS#8).
Invariants: a private key or secret is never overwritten; files have mode 0600, folders 0700.
"""

from __future__ import annotations

import os
import re
import threading
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import msgspec
from cryptography import x509
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.scrypt import Scrypt

from lionrock.kernel import secrets
from lionrock.kernel.jose_keys import Key, KeyKind, KeyUse, generate_key, key_from_pkcs8

T = TypeVar("T", Key, bytes)

NAME_LENGTH_MAX = 120
CONTENT_BYTES_MAX = 128 * 1024
FILE_BYTES_MAX = 256 * 1024
SECRET_BYTES_MIN = 16
SECRET_BYTES_MAX = 64
# 32 MiB and three lanes: one of the sets that OWASP's password storage page calls equal to 128 MiB
# and one lane. Kept in the store's own file, so that it can be raised later.
SCRYPT_COST = 2**15
SCRYPT_LANES = 3
# A store file may ask for at most this much, so that a damaged one cannot exhaust the memory.
SCRYPT_COST_MAX = 2**18
SCRYPT_LANES_MAX = 16
_SCRYPT_BLOCK = 8
_NONCE_BYTES = 12
_NAME = re.compile(r"[a-z0-9][a-z0-9._-]*(?:/[a-z0-9][a-z0-9._-]*)*")
_STORE_FORMAT = "lionrock-keystore/1"
_ITEM_FORMAT = "lionrock-sealed/1"
_STORE_FILE = "keystore.json"
_CHECK_LABEL = b"lionrock key store check"


class KeyStoreError(RuntimeError):
    """The key store cannot be used; the text says which file and what to do."""


class WrongPassphrase(KeyStoreError):
    """The passphrase does not open this store."""


class KeyFileDamaged(KeyStoreError):
    """A file is not what this store once wrote there."""


class _StoreFile(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    format: str
    salt: bytes
    cost: int
    lanes: int
    nonce: bytes
    check: bytes


class _Item(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    format: str
    kind: str
    nonce: bytes
    ciphertext: bytes


class KeyStore:
    """The keys of one party, under names such as "platform/as-signing". Safe between threads."""

    def __init__(self, directory: Path, passphrase: str, *, scrypt_cost: int = SCRYPT_COST) -> None:
        """Nothing is read or derived before the first use; `scrypt_cost` is for a new store only.

        WrongPassphrase when the passphrase is empty.
        """
        if not passphrase:
            raise WrongPassphrase("the key store needs a passphrase; set key_passphrase")
        self._directory = directory
        self._passphrase = passphrase.encode()
        self._scrypt_cost = scrypt_cost
        self._cipher: AESGCM | None = None
        self._keys: dict[str, Key] = {}
        self._secrets: dict[str, bytes] = {}
        self._lock = threading.RLock()

    def get_or_create(self, name: str, kind: KeyKind = "ES256", *, use: KeyUse = "sig") -> Key:
        """Return the private key of that name, made on first use.

        KeyStoreError when the stored one is of another kind or use, or cannot be read.
        """
        wanted = f"key/{kind}/{use}"
        with self._lock:
            is_missing = name not in self._keys and self._open(name) is None
        # Made outside the lock: an RSA pair takes a while, and every request asks for some key.
        made = generate_key(kind, use=use).pkcs8() if is_missing else b""
        with self._lock:
            if made:
                self._create(name, wanted, made)
            key = self.get(name)
            assert key is not None, "it was just written, by us or by another process"
            if _kind(key) != wanted:
                raise KeyStoreError(f"{name} holds {_kind(key)}, not {wanted}; use another name")
            return key

    def get(self, name: str) -> Key | None:
        """Return the private key of that name, None when there is none; KeyStoreError as above."""
        return self._cached(self._keys, name, self._read_key)

    def secret(self, name: str, bytes_count: int = 32) -> bytes:
        """Return the symmetric secret of that name (for HMAC or AES), made on first use."""
        assert SECRET_BYTES_MIN <= bytes_count <= SECRET_BYTES_MAX, "a secret has 16 to 64 bytes"
        with self._lock:
            if name not in self._secrets and self._open(name) is None:
                self._create(name, "secret", secrets.octets(bytes_count))
            value = self._cached(self._secrets, name, lambda n: self._content(n, "secret"))
            if value is None or len(value) != bytes_count:
                raise KeyStoreError(f"{name} is no secret of {bytes_count} bytes")
            return value

    def put_certificate(self, name: str, pem: bytes) -> None:
        """Store the PEM certificate (or chain) of a key, replacing an older one.

        ValueError when it is no PEM certificate.
        """
        x509.load_pem_x509_certificates(pem)
        name = f"{name}.certificate"
        with self._lock:
            self._write(self._path(name), self._sealed(name, "certificate", pem), is_replacing=True)

    def certificate(self, name: str) -> bytes | None:
        """Return the PEM stored for a key, None when there is none."""
        with self._lock:
            return self._content(f"{name}.certificate", "certificate")

    def names(self) -> list[str]:
        """Return the names of all items (keys, secrets, certificates), sorted."""
        files = self._directory.rglob("*.sealed") if self._directory.exists() else ()
        return sorted(f.relative_to(self._directory).as_posix()[: -len(".sealed")] for f in files)

    def _cached(self, cache: dict[str, T], name: str, read: Callable[[str], T | None]) -> T | None:
        with self._lock:
            if name not in cache:
                value = read(name)
                if value is None:
                    return None
                cache[name] = value
            return cache[name]

    def _read_key(self, name: str) -> Key | None:
        item = self._open(name)
        if item is None:
            return None
        kind, content = item
        use: KeyUse = "enc" if kind.endswith("/enc") else "sig"
        try:
            key = key_from_pkcs8(content, use=use)
        except ValueError as error:
            raise KeyStoreError(f"{name} holds {kind}, not a private key") from error
        assert _kind(key) == kind, "the kind was authenticated with the content"
        return key

    def _content(self, name: str, wanted: str) -> bytes | None:
        item = self._open(name)
        if item is None:
            return None
        kind, content = item
        if kind != wanted:
            raise KeyStoreError(f"{name} holds {kind}, not {wanted}; use another name")
        return content

    def _create(self, name: str, kind: str, content: bytes) -> None:
        self._write(self._path(name), self._sealed(name, kind, content), is_replacing=False)

    def _path(self, name: str) -> Path:
        if len(name) > NAME_LENGTH_MAX or _NAME.fullmatch(name) is None or ".." in name:
            raise ValueError(f"not a key name: {name[:NAME_LENGTH_MAX]!r}")
        return self._directory / f"{name}.sealed"

    def _open(self, name: str) -> tuple[str, bytes] | None:
        """Read and decrypt an item; (kind, content) or None when there is no such file."""
        path = self._path(name)
        data = _read(path)
        if data is None:
            return None
        try:
            item = msgspec.json.decode(data, type=_Item)
        except msgspec.DecodeError as error:
            raise _damaged(path) from error
        # Spare bits of base64 and other spellings of the same content count as damage too.
        is_as_written = msgspec.json.encode(item) == data
        if item.format != _ITEM_FORMAT or len(item.nonce) != _NONCE_BYTES or not is_as_written:
            raise _damaged(path)
        cipher = self._unlocked()
        try:
            content = cipher.decrypt(item.nonce, item.ciphertext, _label(name, item.kind))
        except InvalidTag as error:
            raise _damaged(path) from error
        return item.kind, content

    def _sealed(self, name: str, kind: str, content: bytes) -> bytes:
        if len(content) > CONTENT_BYTES_MAX:
            raise ValueError(f"{name}: more than {CONTENT_BYTES_MAX} bytes")
        nonce = secrets.octets(_NONCE_BYTES)
        ciphertext = self._unlocked().encrypt(nonce, content, _label(name, kind))
        return msgspec.json.encode(_Item(_ITEM_FORMAT, kind, nonce, ciphertext))

    def _unlocked(self) -> AESGCM:
        """Derive the store's key once; the first caller of a new store fixes salt and cost."""
        with self._lock:
            if self._cipher is None:
                path = self._directory / _STORE_FILE
                if _read(path) is None:
                    self._write(path, self._new_store_file(), is_replacing=False)
                self._cipher = self._checked_cipher(path)
            return self._cipher

    def _new_store_file(self) -> bytes:
        salt, nonce = secrets.salt(), secrets.octets(_NONCE_BYTES)
        cipher = self._derive(salt, self._scrypt_cost, SCRYPT_LANES)
        check = cipher.encrypt(nonce, b"", _CHECK_LABEL)
        return msgspec.json.encode(
            _StoreFile(_STORE_FORMAT, salt, self._scrypt_cost, SCRYPT_LANES, nonce, check)
        )

    def _checked_cipher(self, path: Path) -> AESGCM:
        try:
            store = msgspec.json.decode(_read(path) or b"", type=_StoreFile)
        except msgspec.DecodeError as error:
            raise _damaged(path) from error
        is_cost_sane = 2 <= store.cost <= SCRYPT_COST_MAX and store.cost & (store.cost - 1) == 0
        if not (
            store.format == _STORE_FORMAT
            and is_cost_sane
            and 1 <= store.lanes <= SCRYPT_LANES_MAX
            and len(store.nonce) == _NONCE_BYTES
        ):
            raise _damaged(path)
        cipher = self._derive(store.salt, store.cost, store.lanes)
        try:
            cipher.decrypt(store.nonce, store.check, _CHECK_LABEL)
        except InvalidTag as error:
            raise WrongPassphrase(
                f"the passphrase does not open the key store in {self._directory} "
                f"(or {_STORE_FILE} there was changed); use the passphrase it was made with"
            ) from error
        return cipher

    def _derive(self, salt: bytes, cost: int, lanes: int) -> AESGCM:
        derivation = Scrypt(salt=salt, length=32, n=cost, r=_SCRYPT_BLOCK, p=lanes)
        return AESGCM(derivation.derive(self._passphrase))

    def _write(self, path: Path, data: bytes, *, is_replacing: bool) -> None:
        """Make the file appear whole: aside, synced, then linked (never over another)."""
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        aside = path.with_name(f".{path.name}.{secrets.token(16)}")
        handle = os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
            if is_replacing:
                aside.replace(path)
            else:
                _link_unless_there(aside, path)
        finally:
            aside.unlink(missing_ok=True)
        _sync_folder(path.parent)


def _link_unless_there(aside: Path, path: Path) -> None:
    try:
        os.link(aside, path)
    except FileExistsError:
        # Another process made the same item first. Its file is whole; the caller reads that one.
        return


def _sync_folder(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _read(path: Path) -> bytes | None:
    try:
        with path.open("rb") as file:
            data = file.read(FILE_BYTES_MAX + 1)
    except FileNotFoundError:
        return None
    if len(data) > FILE_BYTES_MAX:
        raise _damaged(path)
    return data


def _damaged(path: Path) -> KeyFileDamaged:
    return KeyFileDamaged(
        f"{path} is damaged or belongs to another key store; restore it from a backup"
    )


def _label(name: str, kind: str) -> bytes:
    return f"{_ITEM_FORMAT}\n{kind}\n{name}".encode()


def _kind(key: Key) -> str:
    kind = f"RSA-{key.public.key_size}" if isinstance(key.public, RSAPublicKey) else key.alg
    return f"key/{kind}/{key.use}"
