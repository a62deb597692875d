"""The exchange over HTTP: the catalogue for all, consents for their owners, status for members.

Owners come with an access token (owners.py), members with a signature (members.py).
"""

from __future__ import annotations

from lionrock.exchange.http import members, owners
from lionrock.exchange.service import Exchange
from lionrock.kernel.http import RouteTable


def table(room: Exchange) -> RouteTable:
    """The rows of the exchange."""
    return RouteTable(
        pillar="exchange", room=room, routes=(*owners.routes(), *members.routes())
    )
