"""The trust file: what a verifier believes before it opens a bundle; it never comes from one.

What for: naming a city's log, witnesses, directory key and certification authorities. Whoever hands
it over is believed, so it is fetched from the city itself, once, over a channel one trusts.
Not for: keys of organisations (the directory snapshot, signed by the directory key, has them).
"""

from __future__ import annotations

import json
from typing import Annotated, Any

import msgspec
from cryptography import x509

from lionrock.evidence.domain.note import (
    TYPE_COSIGNATURE,
    TYPE_LOG,
    VerifierKey,
    is_key_name,
    parse_vkey,
)
from lionrock.kernel.errors import Refused
from lionrock.kernel.jose import Key, key_from_jwk, strict_json_object

TRUST_BYTES_MAX = 256 * 1024
WITNESSES_MAX = 32
CERTIFICATES_MAX = 16
CITY_LENGTH_MAX = 120


class TrustedLog(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The log's origin line and the key of its checkpoints."""

    origin: str
    vkey: str


class TrustFile(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The file as written; `witness_quorum` is how many of the witnesses must have cosigned."""

    city: str
    log: TrustedLog
    witnesses: list[str]
    witness_quorum: Annotated[int, msgspec.Meta(ge=0, le=WITNESSES_MAX)]
    directory_key: dict[str, Any]
    ca_certificates: list[str]


class Trust(msgspec.Struct, frozen=True):
    """The file as understood: keys that are keys."""

    city: str
    origin: str
    log_key: VerifierKey
    witness_keys: tuple[VerifierKey, ...]
    witness_quorum: int
    directory_key: Key
    ca_certificates: tuple[str, ...]


def encode_trust(trust: TrustFile) -> bytes:
    """Return the file for people to read: indented, members in a fixed order."""
    text = json.dumps(msgspec.to_builtins(trust), indent=2, ensure_ascii=False)
    return text.encode() + b"\n"


def parse_trust(data: bytes) -> Trust | str:
    """Read a trust file; a sentence that says what is wrong when it cannot be used."""
    if len(data) > TRUST_BYTES_MAX:
        return f"It is larger than {TRUST_BYTES_MAX} bytes."
    plain = strict_json_object(data)
    if plain is None:
        return "It is not a JSON object in which each name stands once."
    try:
        trust = msgspec.convert(plain, TrustFile)
    except msgspec.ValidationError as error:
        return f"{error}."
    return _understood(trust)


def _understood(trust: TrustFile) -> Trust | str:
    if not 0 < len(trust.city) <= CITY_LENGTH_MAX or not trust.city.isprintable():
        return "`city` is not a name."
    log_key = parse_vkey(trust.log.vkey)
    if log_key is None or log_key.type_byte != TYPE_LOG or not is_key_name(trust.log.origin):
        return "`log` needs an origin and a verifier key of type 1."
    witness_keys = [parse_vkey(vkey) for vkey in trust.witnesses[: WITNESSES_MAX + 1]]
    good = tuple(key for key in witness_keys if key and key.type_byte == TYPE_COSIGNATURE)
    if len(good) != len(trust.witnesses) or len(good) > WITNESSES_MAX:
        return "`witnesses` holds something that is no verifier key of type 4."
    # One witness under two names would count twice towards the quorum.
    if not len(good) == len({key.public for key in good}) == len({key.name for key in good}):
        return "`witnesses` names one witness twice."
    if trust.witness_quorum > len(good):
        return "`witness_quorum` asks for more witnesses than there are."
    directory_key = key_from_jwk(trust.directory_key)
    if isinstance(directory_key, Refused):
        return f"`directory_key` cannot be used: {directory_key.detail}."
    problem = _certificate_problem(trust.ca_certificates)
    if problem:
        return problem
    return Trust(
        city=trust.city, origin=trust.log.origin, log_key=log_key, witness_keys=good,
        witness_quorum=trust.witness_quorum, directory_key=directory_key,
        ca_certificates=tuple(trust.ca_certificates),
    )  # fmt: skip


def _certificate_problem(certificates: list[str]) -> str:
    if len(certificates) > CERTIFICATES_MAX:
        return f"`ca_certificates` holds more than {CERTIFICATES_MAX}."
    for number, pem in enumerate(certificates):
        try:
            x509.load_pem_x509_certificate(pem.encode())
        except ValueError:
            return f"`ca_certificates[{number}]` is no certificate in PEM."
    return ""
