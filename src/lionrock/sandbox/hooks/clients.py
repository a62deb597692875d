"""Clients from a file: read strictly, refused with the entry, the field and what was expected.

The format is docs/sandbox-hooks.md. Every start registers the file's clients anew, so that an
entry replaces what an earlier start registered under its id; what is not in the file stays.
Not for: clients of a served city (those are onboarded), or dynamic registration.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from pathlib import Path
from typing import Any, TypeVar

import msgspec

from lionrock.hongkong.facades import FacadeDraft, check_draft
from lionrock.identity.api import GRANT_TYPES, Client, ClientPolicy, check_client
from lionrock.kernel.i18n import Text

T = TypeVar("T")
FILE_BYTES_MAX = 4 * 1024 * 1024
CLIENTS_MAX = 1_000
CIBA_GRANT = "urn:openid:params:grant-type:ciba"
# The sandbox's own clients, whose keys the simulated parties hold.
RESERVED = frozenset({"harbour-service", "staff-desk"})
_ALIASES = {"client_id": "id", "scope": "scopes", "organisation_id": "organisation"}
_SHORT_GRANTS = {each.rpartition(":")[2]: each for each in GRANT_TYPES}


class ClientsFileRefused(ValueError):
    """A clients file that cannot be used; the text names entry, field and what was expected."""


class CibaEntry(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How a client's back-channel answers reach it; `notification_uri` for ping and push."""

    mode: str
    notification_uri: str = ""
    request_signing_alg: str = ""


class JwksEntry(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A client's public keys (RFC 7517 s5)."""

    keys: tuple[dict[str, str], ...]


class ClientEntry(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One entry of the file."""

    id: str
    jwks: JwksEntry
    scopes: str | tuple[str, ...]
    redirect_uris: tuple[str, ...] = ()
    client_name: str | None = None
    names: Text | None = None
    grant_types: tuple[str, ...] | None = None
    ciba: CibaEntry | None = None
    controls: dict[str, Any] | tuple[str, ...] = ()
    may_hint_login: bool = True
    sector: str | None = None
    organisation: str | None = None
    facade: FacadeDraft | None = None


def read_clients(file: Path) -> tuple[Client, ...]:
    """Read a clients file: an array of entries, or {"clients": [entries]}.

    ClientsFileRefused with one sentence.
    """
    try:
        content = file.read_bytes()
    except OSError as error:
        raise ClientsFileRefused(f"{file}: {error.strerror or 'cannot be read'}") from error
    if len(content) > FILE_BYTES_MAX:
        raise ClientsFileRefused(f"{file}: at most {FILE_BYTES_MAX} bytes are taken")
    try:
        value = msgspec.json.decode(content)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise ClientsFileRefused(f"{file}: not JSON: {error}") from error
    try:
        return parse_clients(value)
    except ClientsFileRefused as error:
        raise ClientsFileRefused(f"{file}: {error}") from error


def read_facades(file: Path) -> dict[str, FacadeDraft]:
    """Return what the clients of a file register for the wire-style facades, by id.

    The file was read before (`read_clients`); ClientsFileRefused as there.
    """
    read_clients(file)
    value = msgspec.json.decode(file.read_bytes())
    entries = value["clients"] if isinstance(value, dict) else value
    return {
        entry.get("id", entry.get("client_id")): msgspec.convert(entry["facade"], FacadeDraft)
        for entry in entries if entry.get("facade") is not None
    }  # fmt: skip


def parse_clients(value: Any) -> tuple[Client, ...]:
    """Read the entries of a decoded file; ClientsFileRefused as above."""
    if isinstance(value, dict):
        _check_known(value, ("clients",), "the file")
        value = value.get("clients")
    if not isinstance(value, list):
        raise ClientsFileRefused('expected an array of clients, or {"clients": [...]}')
    if len(value) > CLIENTS_MAX:
        raise ClientsFileRefused(f"at most {CLIENTS_MAX} clients are taken")
    clients: dict[str, Client] = {}
    for number, entry in enumerate(value, start=1):
        client = _client(number, entry)
        if client.id in clients:
            raise ClientsFileRefused(f"client {number} ({client.id}): id: it is there twice")
        clients[client.id] = client
    return tuple(clients.values())


def _client(number: int, entry: Any) -> Client:
    where = f"client {number}"
    if not isinstance(entry, dict):
        raise ClientsFileRefused(f"{where}: expected an object")
    given: dict[str, Any] = entry
    members = {_ALIASES.get(name, name): value for name, value in given.items()}
    if isinstance(members.get("id"), str):
        where = f"{where} ({members['id'][:64]})"
    if len(members) != len(entry):
        raise ClientsFileRefused(f"{where}: one field is there under two names")
    _check_known(members, ClientEntry.__struct_fields__, where)
    read = _convert(members, ClientEntry, where)
    if read.id in RESERVED:
        raise ClientsFileRefused(f"{where}: id: it is one of the sandbox's own clients")
    client = Client(
        id=read.id, names=_names(read, where), organisation_id=read.organisation or read.id,
        sector=read.sector or read.id, redirect_uris=read.redirect_uris,
        scopes=frozenset(_scopes(read)), keys=read.jwks.keys, policy=_policy(read, where),
    )  # fmt: skip
    problem = check_client(client)
    if problem is not None:
        field = "jwks" if problem.field == "keys" else problem.field
        raise ClientsFileRefused(f"{where}: {field}: {_sentence(problem.detail)}")
    unfit = check_draft(read.facade) if read.facade is not None else None
    if unfit is not None:
        raise ClientsFileRefused(f"{where}: facade: {unfit}")
    return client


def _names(read: ClientEntry, where: str) -> Text:
    if read.names is not None and read.client_name is not None:
        raise ClientsFileRefused(f"{where}: names: give either names or client_name")
    name = read.client_name or read.id
    return read.names or Text(name, name, name)


def _scopes(read: ClientEntry) -> Iterable[str]:
    return read.scopes.split() if isinstance(read.scopes, str) else read.scopes


def _policy(read: ClientEntry, where: str) -> ClientPolicy:
    controls = read.controls
    demanded = controls if isinstance(controls, dict) else dict.fromkeys(controls, True)
    _check_known(demanded, ClientPolicy.__struct_fields__, f"{where}: controls")
    members: dict[str, Any] = {"may_hint_login": read.may_hint_login} | demanded
    if read.grant_types is not None:
        members["grant_types"] = [_grant_type(name, where) for name in read.grant_types]
    elif read.ciba is not None and "grant_types" not in members:
        members["grant_types"] = [*ClientPolicy().grant_types, CIBA_GRANT]
    if read.ciba is not None:
        members |= {
            "ciba_mode": read.ciba.mode, "ciba_notification_uri": read.ciba.notification_uri,
            "ciba_request_signing_alg": read.ciba.request_signing_alg,
        }  # fmt: skip
    return _convert(members, ClientPolicy, f"{where}: controls")


def _grant_type(name: str, where: str) -> str:
    full = _SHORT_GRANTS.get(name, name)
    if full in GRANT_TYPES:
        return full
    raise ClientsFileRefused(
        f"{where}: grant_types: expected some of {', '.join(sorted(_SHORT_GRANTS))}, "
        f"got {name[:80]!r}{_nearest(name, _SHORT_GRANTS)}"
    )


def _check_known(members: dict[str, Any], known: Iterable[str], where: str) -> None:
    names = list(known)
    for name in members:
        if name not in names:
            raise ClientsFileRefused(f"{where}: unknown field {name[:80]!r}{_nearest(name, names)}")


def _nearest(name: str, known: Iterable[str]) -> str:
    near = difflib.get_close_matches(name, list(known), n=1)
    return f"; did you mean {near[0]!r}?" if near else ""


def _convert(members: dict[str, Any], kind: type[T], where: str) -> T:
    try:
        return msgspec.convert(members, kind, strict=True)
    except msgspec.ValidationError as error:
        text, _, path = str(error).partition(" - at `$")
        field = path.strip("`.")
        at = f"{where}: {field}: " if field else f"{where}: "
        raise ClientsFileRefused(f"{at}{_sentence(text)}") from error


def _sentence(text: str) -> str:
    return text[:1].lower() + text[1:].rstrip(".")
