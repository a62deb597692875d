"""How each refusal of identity looks on the wire: one table per area; `ERRORS` is every endpoint's."""

from lionrock.identity.errors.core import ERRORS, RELYING_PARTY_ERRORS

__all__ = ["ERRORS", "RELYING_PARTY_ERRORS"]
