"""The closed enum of what refresh, details, claims and grant management refuse."""

from __future__ import annotations

from lionrock.kernel.errors import Refusal


class GrantRefusal(Refusal):
    """Every expected outcome of this room that is not success."""

    # Refresh tokens (RFC 6749 s6, RFC 9700 s4.14).
    REFRESH_MISSING = "identity.refresh_missing"
    REFRESH_UNKNOWN = "identity.refresh_unknown"
    REFRESH_EXPIRED = "identity.refresh_expired"
    REFRESH_REUSED = "identity.refresh_reused"
    GRANT_REVOKED = "identity.grant_revoked"

    # Rich requests (RFC 9396), the claims parameter (OIDC Core s5.5).
    DETAILS = "identity.authorization_details"
    CLAIMS = "identity.claims"

    # Grant management.
    GRANT_ACTION = "identity.grant_management_action"
    GRANT_ID = "identity.grant_id"
    GRANT_UNKNOWN = "identity.grant_unknown"
    GRANT_COMPANY = "identity.grant_company"

    # Introspection and revocation (RFC 7662, RFC 7009).
    TOKEN_PARAMETER = "identity.token_parameter"  # noqa: S105 - a code, not a secret

    # A client's own token at a resource.
    CLIENT_TOKEN = "identity.client_token"  # noqa: S105 - a code, not a secret
