"""The one check of what a client's policy demands, before any handler of the server runs.

Each endpoint says in a `Presented` what the request came with; `check_controls` compares it with
the client's policy and names the first control that is missing. A handler never looks at the policy
to let something pass. Source: FAPI 2.0 Security Profile s5.3.2; RFC 9700 s2.
"""

from __future__ import annotations

import msgspec

from lionrock.identity.domain.clients import ClientPolicy
from lionrock.identity.domain.refusals import IdentityRefusal
from lionrock.kernel.errors import Refused


class Presented(msgspec.Struct, frozen=True, kw_only=True):
    """The controls that one request came with. `grant_type` at the token endpoint only."""

    grant_type: str | None = None


def check_controls(policy: ClientPolicy, presented: Presented) -> Refused | None:
    """Return the refusal of the first control that the policy demands and the request lacks."""
    grant_type = presented.grant_type
    if grant_type is not None and grant_type not in policy.grant_types:
        return Refused(IdentityRefusal.GRANT_TYPE_NOT_ALLOWED, field="grant_type")
    return None
