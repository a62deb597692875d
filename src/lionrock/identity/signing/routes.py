"""The route table of signing: authority, remote signing, verification."""

from __future__ import annotations

from lionrock.identity.service.identity import Identity
from lionrock.identity.signing import http
from lionrock.identity.signing.csc import http as csc_http
from lionrock.identity.signing.http import SigningRoom
from lionrock.identity.signing.service import Signing
from lionrock.identity.signing.verification import http as verification_http
from lionrock.identity.signing.verification.service import Verification
from lionrock.kernel.http import RouteTable


def signing_table(signing: Signing, identity: Identity) -> RouteTable:
    """Return all rows of the room."""
    return RouteTable(
        pillar="identity",
        room=SigningRoom(
            signing=signing, identity=identity,
            verification=Verification(identity.kernel, signing, identity),
        ),
        routes=(*http.ROUTES, *csc_http.ROUTES, *verification_http.ROUTES),
    )  # fmt: skip
