"""Steps 1 and 2: the founder signs in at a separate service, then acts for the company."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from lionrock.kernel.errors import Refused
from lionrock.kernel.i18n import Text
from lionrock.sandbox.journey.actors import Browser, SignedIn, sign_in
from lionrock.sandbox.journey.runner import Checks, JourneyFailed, Step
from lionrock.sandbox.journey.state import Journey

SERVICE = "harbour-service"
SCOPE = "openid profile contact company programmes exchange evidence"


def steps(journey: Journey) -> Sequence[Step]:
    """Sign in; act for the company."""
    return (
        Step(
            "sign_in", Text("Sign in with the phone", "以手機登入", "以手机登录"),
            "FAPI 2.0: PAR (RFC 9126), PKCE (RFC 7636), private_key_jwt, DPoP (RFC 9449)",
            partial(_sign_in, journey),
        ),
        Step(
            "act_for_company", Text("Act for the company", "代表公司行事", "代表公司行事"),
            "Token exchange (RFC 8693), mandate", partial(_act_for_company, journey),
        ),
    )  # fmt: skip


async def _sign_in(journey: Journey, checks: Checks) -> None:
    party, browser = journey.service(SERVICE), Browser()
    try:
        tokens = await sign_in(
            party, browser, journey.phones, journey.founder.handle, scope=SCOPE,
            lang=journey.lang, checks=checks,
        )  # fmt: skip
    finally:
        await browser.close()
    claims = await party.userinfo(tokens)
    if isinstance(claims, Refused):
        raise JourneyFailed(f"userinfo: {claims.refusal.value} {claims.detail}")
    checks.holds("name" in claims, "the service reads userinfo with a DPoP-bound token", claims)
    checks.holds(
        claims["sub"] == tokens.subject and not claims["sub"].startswith("per_"),
        "the service knows the person by a pairwise pseudonym only",
    )
    journey.person = SignedIn(party, tokens, journey.platform_url, journey.lang)
    bare = await journey.network.send(
        "GET", f"{journey.platform_url}/identity/userinfo",
        {"authorization": f"Bearer {tokens.access_token}"},
    )  # fmt: skip
    checks.holds(bare.status in (401, 404), "the same token without a proof is refused")


async def _act_for_company(journey: Journey, checks: Checks) -> None:
    person = journey.person
    assert person is not None, "the sign-in came first"
    mandates = (await person.call("GET", "/identity/v1/mandates"))["mandates"]
    number = journey.company.business_registration
    mine = [each for each in mandates if each["company"]["business_number"] == number]
    checks.holds(len(mine) == 1, "the person holds a mandate for the company", mandates)
    journey.company_id = mine[0]["company"]["id"]
    tokens = await person.party.exchange_for_company(person.tokens, journey.company_id)
    if isinstance(tokens, Refused):
        raise JourneyFailed(f"token exchange: {tokens.refusal.value} {tokens.detail}")
    claims = await person.party.userinfo(tokens)
    if isinstance(claims, Refused):
        raise JourneyFailed(f"userinfo: {claims.refusal.value} {claims.detail}")
    checks.holds(
        claims["sub"] != person.tokens.subject, "the token's subject is the company", claims
    )
    checks.holds(
        claims.get("act", {}).get("sub") == person.tokens.subject, "its actor is the person"
    )
    other = await person.party.exchange_for_company(person.tokens, f"cmp_{'0' * 32}")
    checks.holds(isinstance(other, Refused), "a company without a mandate is refused")
    journey.officer = SignedIn(person.party, tokens, journey.platform_url, journey.lang)
