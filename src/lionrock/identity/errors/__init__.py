"""How each refusal of identity looks on the wire: one table an area, `ERRORS` for everybody."""

from lionrock.identity.errors.core import ERRORS, RELYING_PARTY_ERRORS

__all__ = ["ERRORS", "RELYING_PARTY_ERRORS"]
