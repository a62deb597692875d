"""The `claims` parameter: single claims of a person, asked for the id_token or for userinfo.

A client receives by name only what its registration would let it ask for by scope; what it may not
have, or what nobody has, is left out without an error, even when marked essential. What it will
receive is shown to the person in the words of the scope that holds the claim.
Source: OIDC Core s5.5 (requests), s5.5.1 (essential, value, values), s5.4 (scopes).
"""

from __future__ import annotations

from typing import Any

import msgspec

from lionrock.identity.domain.grant_refusals import GrantRefusal
from lionrock.identity.domain.scopes import CONTACT, PROFILE
from lionrock.identity.domain.verified import NAME as VERIFIED
from lionrock.identity.domain.verified import VerifiedWish, read_verified
from lionrock.kernel.errors import Refused
from lionrock.kernel.jose import strict_json_object

CLAIMS_LENGTH_MAX = 4096
CLAIMS_MAX = 30
VALUES_MAX = 10
VALUE_LENGTH_MAX = 200
# Which scope lets a client ask for a claim by its name.
CLAIM_SCOPES: dict[str, str] = {
    "name": PROFILE,
    "name#zh-Hant": PROFILE,
    "name#zh-Hans": PROFILE,
    "email": CONTACT,
    "email_verified": CONTACT,
    "phone_number": CONTACT,
    "phone_number_verified": CONTACT,
}
_OWN = frozenset({"sub", "acr", "auth_time"})
_PLACES = ("userinfo", "id_token")


class ClaimWish(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One claim as asked for; `values` holds a single `value` too."""

    essential: bool = False
    values: tuple[Any, ...] = ()


class ClaimsRequest(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The claims that a client asked for and may have."""

    userinfo: dict[str, ClaimWish] = {}
    id_token: dict[str, ClaimWish] = {}
    verified_userinfo: tuple[VerifiedWish, ...] = ()
    verified_id_token: tuple[VerifiedWish, ...] = ()

    @property
    def userinfo_names(self) -> tuple[str, ...]:
        """What a token's userinfo may say beyond its scopes."""
        return (*self.userinfo, VERIFIED) if self.verified_userinfo else tuple(self.userinfo)

    @property
    def verified(self) -> tuple[VerifiedWish, ...]:
        """What is asked of registries' matches, in both places."""
        return (*self.verified_userinfo, *self.verified_id_token)

    @property
    def scopes(self) -> frozenset[str]:
        """The scopes in whose words the person is told what is given."""
        names = (*self.userinfo, *self.id_token)
        return frozenset(CLAIM_SCOPES[name] for name in names if name in CLAIM_SCOPES)

    @property
    def wanted_subject(self) -> str | None:
        """The one subject that may sign in, when the client asked for one (s5.5.1)."""
        for wishes in (self.id_token, self.userinfo):
            wish = wishes.get("sub")
            if wish is not None and len(wish.values) == 1:
                return str(wish.values[0])
        return None

    @property
    def acr(self) -> ClaimWish | None:
        """The wish for an authentication level; an essential one must be met (s5.5.1.1)."""
        return self.id_token.get("acr")


def read_claims(text: str | None, allowed: frozenset[str]) -> ClaimsRequest | Refused | None:
    """Read the parameter; `allowed` are the client's scopes. None when nothing is asked for."""
    if text is None:
        return None
    if len(text) > CLAIMS_LENGTH_MAX:
        return Refused(GrantRefusal.CLAIMS, f"At most {CLAIMS_LENGTH_MAX} characters.", "claims")
    given = strict_json_object(text.encode("utf-8", "surrogatepass"))
    if given is None:
        return Refused(GrantRefusal.CLAIMS, "It is no JSON object.", "claims")
    found: dict[str, Any] = {}
    for place in _PLACES:
        members = given.get(place)
        if isinstance(members, dict) and VERIFIED in members:
            verified = read_verified(members[VERIFIED], allowed)
            if verified is None:
                return Refused(GrantRefusal.CLAIMS, "verified_claims is malformed.", "claims")
            found[f"verified_{place}"] = verified
            members = {name: each for name, each in members.items() if name != VERIFIED}
        wishes = _read_place(members, allowed)
        if isinstance(wishes, Refused):
            return wishes
        found[place] = wishes
    return ClaimsRequest(**found) if any(found.values()) else None


def _read_place(given: Any, allowed: frozenset[str]) -> dict[str, ClaimWish] | Refused:
    if given is None:
        return {}
    if not isinstance(given, dict) or len(given) > CLAIMS_MAX:
        return Refused(GrantRefusal.CLAIMS, f"At most {CLAIMS_MAX} claims in an object.", "claims")
    wishes: dict[str, ClaimWish] = {}
    for name, member in given.items():
        wish = _read_wish(member)
        if isinstance(wish, Refused):
            return wish
        if name in _OWN or CLAIM_SCOPES.get(name) in allowed:
            wishes[name] = wish
    return wishes


def _read_wish(given: Any) -> ClaimWish | Refused:
    """Read null or {essential, value | values}; other members are ignored (s5.5.1)."""
    if given is None:
        return ClaimWish()
    problem = Refused(GrantRefusal.CLAIMS, "A claim is null or an object.", "claims")
    if not isinstance(given, dict):
        return problem
    essential = given.get("essential", False)
    values = given.get("values", [given["value"]] if "value" in given else [])
    if not isinstance(essential, bool) or not isinstance(values, list):
        return problem
    if len(values) > VALUES_MAX or not all(_is_plain(value) for value in values):
        return problem
    return ClaimWish(essential=essential, values=tuple(values))


def _is_plain(value: Any) -> bool:
    if isinstance(value, str):
        return len(value) <= VALUE_LENGTH_MAX
    return isinstance(value, bool | int)
