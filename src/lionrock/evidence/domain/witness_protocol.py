"""What a witness needs of the log's formats, in one place: pure protocol code for outside parties.

Source: C2SP tlog-witness, tlog-cosignature, signed-note; RFC 6962 s2.1.2.
"""

from lionrock.evidence.domain.merkle import EMPTY_ROOT, check_consistency
from lionrock.evidence.domain.note import (
    TYPE_COSIGNATURE,
    TYPE_LOG,
    Signer,
    VerifierKey,
    check_signature,
    cosign,
    decode_base64,
    encode_base64,
    parse_vkey,
)
from lionrock.evidence.domain.witnessing import (
    BODY_BYTES_MAX,
    SIZE_MEDIA_TYPE,
    AddCheckpoint,
    decode_request,
    encode_request,
)

__all__ = [
    "BODY_BYTES_MAX",
    "EMPTY_ROOT",
    "SIZE_MEDIA_TYPE",
    "TYPE_COSIGNATURE",
    "TYPE_LOG",
    "AddCheckpoint",
    "Signer",
    "VerifierKey",
    "check_consistency",
    "check_signature",
    "cosign",
    "decode_base64",
    "decode_request",
    "encode_base64",
    "encode_request",
    "parse_vkey",
]
