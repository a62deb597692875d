"""The directory's door: the only module of this pillar that other pillars import."""

from lionrock.directory.client import (
    RemoteDirectory,
    Sender,
    SignedExchange,
    check_signed_reply,
    send_signed,
)
from lionrock.directory.domain import (
    PLATFORM_ORGANISATION,
    PROGRAMME_OFFICE,
    DirectoryRefusal,
    KeyChange,
    KeyRecord,
    Organisation,
    Status,
    keyid,
    parse_keyid,
)
from lionrock.directory.http import (
    REPLAY_REALM,
    SIGNED_CALL_ERRORS,
    ClaimedCall,
    SignedCall,
    check_call_signature,
    check_claimed_signature,
    check_signed_call,
    organisation_key,
    sign_reply,
    table,
)
from lionrock.directory.service import SNAPSHOT_TYPE, Directory

__all__ = [
    "PLATFORM_ORGANISATION",
    "PROGRAMME_OFFICE",
    "REPLAY_REALM",
    "SIGNED_CALL_ERRORS",
    "SNAPSHOT_TYPE",
    "ClaimedCall",
    "Directory",
    "DirectoryRefusal",
    "KeyChange",
    "KeyRecord",
    "Organisation",
    "RemoteDirectory",
    "Sender",
    "SignedCall",
    "SignedExchange",
    "Status",
    "check_call_signature",
    "check_claimed_signature",
    "check_signed_call",
    "check_signed_reply",
    "keyid",
    "organisation_key",
    "parse_keyid",
    "send_signed",
    "sign_reply",
    "table",
]
