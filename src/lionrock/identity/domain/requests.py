"""Authorization requests as pushed (PAR): one policy, checked once, before anything is stored.

After the push only client_id and request_uri travel through the browser; whatever else it adds
there is not looked at (RFC 9126 s4, FAPI 2.0 s5.3.2.2).
Source: RFC 6749 s4.1.1, RFC 7636 (PKCE), RFC 9126 s2.1, OIDC Core s3.1.2.1, RFC 9449 s10.
"""

from __future__ import annotations

import base64
import hashlib
import re
from typing import Any

import msgspec

from lionrock.identity.domain.assurance import read_acr_values, read_max_age
from lionrock.identity.domain.claims import ClaimsRequest, read_claims
from lionrock.identity.domain.clients import RESPONSE_MODES, SIGNED_RESPONSE_MODES, Client
from lionrock.identity.domain.details import read_details
from lionrock.identity.domain.management import GrantAction, read_action
from lionrock.identity.domain.refusals import IdentityRefusal
from lionrock.identity.domain.scopes import COMPANY, read_scope
from lionrock.identity.domain.verified import verified_words
from lionrock.kernel.errors import Refused

STATE_LENGTH_MAX = 2048
NONCE_LENGTH_MAX = 2048
LOGIN_HINT_LENGTH_MAX = 254
REDIRECT_URI_LENGTH_MAX = 512
REQUEST_URI_PREFIX = "urn:ietf:params:oauth:request_uri:"
REQUEST_URI_LIFE_S = 60
CODE_LIFE_S = 60
DEFAULT_RESPONSE_MODE = "query"
SIGNED_RESPONSE_MODE = "query.jwt"
ACCESS_TOKEN_LIFE_S = 900
ID_TOKEN_LIFE_S = 300
_CHALLENGE = re.compile(r"[A-Za-z0-9_-]{43}")
_VERIFIER = re.compile(r"[A-Za-z0-9._~-]{43,128}")
_THUMBPRINT = re.compile(r"[A-Za-z0-9_-]{43}")


class PushedForm(msgspec.Struct, frozen=True, kw_only=True):
    """The form of the PAR endpoint; unknown parameters are ignored (RFC 6749 s3.1)."""

    client_assertion: str | None = None
    client_assertion_type: str | None = None
    client_id: str | None = None
    response_type: str | None = None
    redirect_uri: str | None = None
    scope: str | None = None
    state: str | None = None
    nonce: str | None = None
    code_challenge: str | None = None
    code_challenge_method: str | None = None
    dpop_jkt: str | None = None
    response_mode: str | None = None
    prompt: str | None = None
    ui_locales: str | None = None
    company_selection: str | None = None
    login_hint: str | None = None
    acr_values: str | None = None
    max_age: str | None = None
    claims: str | None = None
    authorization_details: str | None = None
    grant_management_action: str | None = None
    grant_id: str | None = None
    request: str | None = None
    request_uri: str | None = None


# What a request object may carry: every parameter but those about the push itself.
REQUEST_PARAMETERS = frozenset(PushedForm.__struct_fields__) - {
    "client_assertion", "client_assertion_type", "request", "request_uri",
}  # fmt: skip


class AuthorizationRequest(msgspec.Struct, frozen=True, kw_only=True):
    """A request that passed every check; the only thing the later endpoints look at."""

    client_id: str
    redirect_uri: str
    scopes: tuple[str, ...]
    code_challenge: str
    state: str | None = None
    nonce: str | None = None
    dpop_jkt: str | None = None
    is_silent: bool = False
    ui_locales: str = ""
    response_mode: str = DEFAULT_RESPONSE_MODE
    login_hint: str | None = None
    acr_values: tuple[str, ...] = ()
    max_age_s: int | None = None
    details: tuple[dict[str, Any], ...] = ()
    claims: ClaimsRequest | None = None
    grant_action: GrantAction | None = None
    grant_id: str | None = None
    # The person is to choose a company after approving; `company_id` is what was chosen.
    company_selection: bool = False
    company_id: str | None = None


def check_pushed(
    form: PushedForm, client: Client, *, proof_jkt: str | None
) -> AuthorizationRequest | Refused:
    """Check a pushed request of an authenticated client; `proof_jkt` from a DPoP header, if any."""
    problem = (
        _check_shape(form)
        or _check_redirect_uri(form, client)
        or _check_response(form)
        or _check_challenge(form)
        or _check_binding(form, proof_jkt)
    )
    if problem is not None:
        return problem
    scopes = read_scope(form.scope, client.scopes)
    if isinstance(scopes, Refused):
        return scopes
    acr_values, max_age_s = read_acr_values(form.acr_values), read_max_age(form.max_age)
    if isinstance(acr_values, Refused):
        return acr_values
    if isinstance(max_age_s, Refused):
        return max_age_s
    rich = _read_rich(form, client)
    if isinstance(rich, Refused):
        return rich
    wish = rich.claims.acr if rich.claims is not None else None
    if wish is not None and wish.essential and wish.values:
        # An essential acr is a condition (OIDC Core s5.5.1.1), as acr_values are here.
        acr_values = read_acr_values(" ".join(str(value) for value in wish.values))
        if isinstance(acr_values, Refused):
            return acr_values
    assert form.redirect_uri is not None, "_check_redirect_uri refuses its absence"
    assert form.code_challenge is not None, "_check_challenge refuses its absence"
    return AuthorizationRequest(
        client_id=client.id, redirect_uri=form.redirect_uri, scopes=scopes,
        code_challenge=form.code_challenge, state=form.state, nonce=form.nonce,
        dpop_jkt=form.dpop_jkt or proof_jkt, is_silent=form.prompt == "none",
        ui_locales=(form.ui_locales or "")[:100], response_mode=_response_mode(form),
        login_hint=_login_hint(form, client),
        acr_values=acr_values, max_age_s=max_age_s, details=rich.details, claims=rich.claims,
        grant_action=rich.action, grant_id=rich.grant_id,
        company_selection=COMPANY in scopes
        and (form.company_selection == "required" or form.prompt == "select_account"),
    )  # fmt: skip


class _Rich(msgspec.Struct, frozen=True, kw_only=True):
    """What a request asks for beyond scopes."""

    details: tuple[dict[str, Any], ...]
    claims: ClaimsRequest | None
    action: GrantAction | None
    grant_id: str | None


def _read_rich(form: PushedForm, client: Client) -> _Rich | Refused:
    """Read authorization_details, claims and grant management (RFC 9396 s2, OIDC Core s5.5)."""
    details = read_details(form.authorization_details, client.policy.authorization_details_types)
    claims = read_claims(form.claims, client.scopes)
    managed = read_action(form.grant_management_action, form.grant_id)
    for part in (details, claims, managed):
        if isinstance(part, Refused):
            return part
    assert not isinstance(details, Refused) and not isinstance(claims, Refused), "see above"
    assert not isinstance(managed, Refused), "see above"
    return _Rich(details=details, claims=claims, action=managed[0], grant_id=managed[1])


def _login_hint(form: PushedForm, client: Client) -> str | None:
    """Who is meant (OIDC Core s3.1.2.1): a hint only, and only from clients that may give it."""
    if not client.policy.may_hint_login:
        return None
    return (form.login_hint or "").strip()[:LOGIN_HINT_LENGTH_MAX] or None


def _response_mode(form: PushedForm) -> str:
    """The mode of the answer: "jwt" is the signed form of the default one (JARM s2.3.4)."""
    is_signed = form.response_mode in SIGNED_RESPONSE_MODES
    return SIGNED_RESPONSE_MODE if is_signed else DEFAULT_RESPONSE_MODE


def told_scopes(request: AuthorizationRequest) -> frozenset[str]:
    """The scopes in whose words the person is told what a request asks for, its claims included."""
    wanted = request.claims.scopes if request.claims is not None else frozenset()
    return frozenset(request.scopes) | wanted


def show_told(request: AuthorizationRequest, language: str) -> list[str]:
    """Say what a service receives beyond scopes: values as registries matched them."""
    return verified_words(request.claims.verified, language) if request.claims else []


def is_right_verifier(verifier: str | None, challenge: str) -> bool:
    """Say whether a code_verifier fits its S256 challenge (RFC 7636 s4.6)."""
    if verifier is None or not _VERIFIER.fullmatch(verifier):
        return False
    digest = hashlib.sha256(verifier.encode("ascii")).digest()
    return base64.urlsafe_b64encode(digest).rstrip(b"=").decode("ascii") == challenge


def _check_shape(form: PushedForm) -> Refused | None:
    for name, limit in (("state", STATE_LENGTH_MAX), ("nonce", NONCE_LENGTH_MAX)):
        if len(getattr(form, name) or "") > limit:
            return Refused(IdentityRefusal.PARAMETER_LENGTH, f"At most {limit} characters.", name)
    if form.prompt not in (None, "none", "login", "consent", "select_account", "login consent"):
        return Refused(IdentityRefusal.PROMPT, field="prompt")
    if form.company_selection is None:
        return None
    if form.company_selection != "required" or COMPANY not in (form.scope or "").split(" "):
        detail = f"company_selection is required, together with the scope {COMPANY}."
        return Refused(IdentityRefusal.PROMPT, detail, field="company_selection")
    if form.prompt == "none":
        return Refused(IdentityRefusal.PROMPT, "Nobody chooses silently.", "company_selection")
    return None


def _check_redirect_uri(form: PushedForm, client: Client) -> Refused | None:
    """Exact string comparison, nothing cleverer (RFC 9700 s2.1)."""
    if not form.redirect_uri:
        return Refused(IdentityRefusal.REDIRECT_URI_MISSING, field="redirect_uri")
    if form.redirect_uri not in client.redirect_uris:
        return Refused(IdentityRefusal.REDIRECT_URI_UNREGISTERED, field="redirect_uri")
    return None


def _check_response(form: PushedForm) -> Refused | None:
    if not form.response_type:
        return Refused(IdentityRefusal.RESPONSE_TYPE_MISSING, field="response_type")
    if form.response_type != "code":
        return Refused(IdentityRefusal.RESPONSE_TYPE, field="response_type")
    if form.response_mode is not None and form.response_mode not in RESPONSE_MODES:
        return Refused(IdentityRefusal.RESPONSE_MODE, field="response_mode")
    return None


def _check_challenge(form: PushedForm) -> Refused | None:
    if not form.code_challenge:
        return Refused(IdentityRefusal.PKCE_MISSING, field="code_challenge")
    # An absent method means plain (RFC 7636 s4.3), which is refused like the word itself.
    if form.code_challenge_method != "S256":
        return Refused(IdentityRefusal.PKCE_METHOD, field="code_challenge_method")
    if not _CHALLENGE.fullmatch(form.code_challenge):
        return Refused(IdentityRefusal.PKCE_MISSING, "It is no S256 challenge.", "code_challenge")
    return None


def _check_binding(form: PushedForm, proof_jkt: str | None) -> Refused | None:
    if form.dpop_jkt is None:
        return None
    if not _THUMBPRINT.fullmatch(form.dpop_jkt) or proof_jkt not in (None, form.dpop_jkt):
        return Refused(IdentityRefusal.DPOP_JKT_MISMATCH, field="dpop_jkt")
    return None
