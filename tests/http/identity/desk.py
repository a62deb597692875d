"""A service for companies' officers, and shorthands for the companies of the tests."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import httpx
import msgspec

from lionrock.identity.api import (
    SCOPES,
    Approval,
    Client,
    Company,
    CompanyApprovalRequest,
    CompanyDraft,
    FirmMandate,
    FirmMandateDraft,
    Mandate,
    MandateDraft,
)
from lionrock.kernel.errors import Refused
from lionrock.kernel.i18n import Text
from tests.http.identity.city import ISSUER, City
from tests.http.identity.clients import TestClient

MANDATES = "/identity/v1/company/mandates"
REQUESTS = "/identity/v1/company/mandate-requests"


class Desk(TestClient):
    """A client that asks for every scope; it calls resources with a body."""

    __test__ = False

    def registration(self) -> Client:
        """Its registration."""
        return msgspec.structs.replace(super().registration(), scopes=frozenset(SCOPES))

    async def acting(self, persona: str, company: Company) -> str:
        """Return a persona's token that acts for a company."""
        token = await self.token(persona, scope="openid profile company mandates")
        answer = await self.exchange(token, company.id)
        assert answer.status_code == 200, answer.text
        return str(answer.json()["access_token"])

    async def send(
        self, token: str, method: str, path: str, body: Any = None
    ) -> httpx.Response:
        """Call a resource with a JSON body."""
        proof = self.proof(method, f"{ISSUER}{path.split('?')[0]}", token=token)
        headers = {"authorization": f"DPoP {token}", "dpop": proof}
        content = b"" if body is None else msgspec.json.encode(body)
        if body is not None:
            headers["content-type"] = "application/json"
        async with self.city.http() as http:
            return await http.request(method, path, headers=headers, content=content)


async def new_desk(city: City, client_id: str = "company-desk") -> Desk:
    """Register a desk."""
    desk = Desk(city, client_id)
    registered = await city.kernel.database.run(
        lambda db: city.identity.register_client(db, desk.registration())
    )
    assert not isinstance(registered, Refused), registered
    return desk


async def new_company(city: City, number: str, name: str = "") -> Company:
    """Create a company."""
    shown = name or f"Company {number} Limited"
    draft = CompanyDraft(business_number=number, names=Text(shown, shown, shown))
    company = await city.kernel.database.run(lambda db: city.identity.create_company(db, draft))
    assert not isinstance(company, Refused), company
    return company


async def mandate_of(city: City, persona: str, company: Company, **changes: Any) -> Mandate:
    """Grant a persona a mandate on the operator's word."""
    given: dict[str, Any] = {
        "person_id": city.people[persona].id, "company_id": company.id,
        "role": "representative", "scopes": frozenset({"programmes", "payments"}),
        "valid_from": city.kernel.business_clock.now() - timedelta(days=1),
    }  # fmt: skip
    draft = MandateDraft(**(given | changes))
    mandate = await city.kernel.database.run(
        lambda db: city.identity.grant_mandate(db, draft, "operator")
    )
    assert not isinstance(mandate, Refused), mandate
    return mandate


async def agent_of(
    city: City, holder: Company, company: Company, **changes: Any
) -> FirmMandate | Refused:
    """Let a firm act for another one on the operator's word."""
    given: dict[str, Any] = {
        "holder_company_id": holder.id, "company_id": company.id, "role": "representative",
        "scopes": frozenset({"programmes", "payments"}),
        "valid_from": city.kernel.business_clock.now() - timedelta(days=1),
    }  # fmt: skip
    draft = FirmMandateDraft(**(given | changes))
    return await city.kernel.database.run(
        lambda db: city.identity.grant_firm_mandate(db, draft, "operator")
    )


async def engaged(city: City, holder: Company, company: Company, **changes: Any) -> FirmMandate:
    """Let a firm act for another one, and expect not to be refused."""
    found = await agent_of(city, holder, company, **changes)
    assert not isinstance(found, Refused), found
    return found


async def company_asked(city: City, persona: str, **request: Any) -> Approval:
    """Ask a company's officers, started by a persona; expect not to be refused."""
    asked = CompanyApprovalRequest(person_id=city.people[persona].id, **request)
    approval = await city.kernel.database.run(
        lambda db: city.identity.request_company_approval(db, asked)
    )
    assert not isinstance(approval, Refused), approval
    return approval


async def approve(
    city: City, persona: str, asked: dict[str, Any], decision: str = "approved"
) -> None:
    """Answer a deed on a persona's phone, with the number when there is one."""
    await city.phone.answer(persona, asked["approval_id"], decision, asked["number"] or "")
