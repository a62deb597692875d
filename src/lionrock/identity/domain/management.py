"""Grant management: what a request does to a grant on record, and what a client is told of one.

`create` makes a new grant, `merge` adds to one, `replace` puts what is asked for in its place. Only
the client and the person of a grant can change it; nothing changes before the person's yes has
become tokens. Source: Grant Management for OAuth 2.0 (FAPI WG draft) s5, s6.
"""

from __future__ import annotations

import re
from typing import Any, Literal, get_args

from lionrock.identity.domain.grant_refusals import GrantRefusal
from lionrock.kernel.errors import Refused

GrantAction = Literal["create", "merge", "replace"]
ACTIONS: tuple[GrantAction, ...] = get_args(GrantAction)
QUERY_SCOPE = "grant_management_query"
REVOKE_SCOPE = "grant_management_revoke"
_GRANT_ID = re.compile(r"gra_[A-Za-z0-9_-]{1,60}")


def read_action(
    action: str | None, grant_id: str | None
) -> tuple[GrantAction | None, str | None] | Refused:
    """Read both parameters: a grant_id comes with merge and replace, and only with them."""
    if action is None and grant_id is None:
        return None, None
    known = next((name for name in ACTIONS if name == action), None)
    if known is None or (known == "create") != (grant_id is None):
        return Refused(GrantRefusal.GRANT_ACTION, field="grant_management_action")
    if grant_id is not None and not _GRANT_ID.fullmatch(grant_id):
        return Refused(GrantRefusal.GRANT_ID, field="grant_id")
    return known, grant_id


def show_grant(scopes: tuple[str, ...], details: tuple[dict[str, Any], ...],
               claims: tuple[str, ...]) -> dict[str, Any]:  # fmt: skip
    """Return what the query answers (s6.3): scopes, claims, authorization_details."""
    return {
        "scopes": [{"scope": " ".join(scopes)}] if scopes else [],
        "claims": list(claims),
        "authorization_details": list(details),
    }
