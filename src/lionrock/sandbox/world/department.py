"""A simulated department in the style of a companies registry: particulars of invented companies.

It keeps one record a company, under the business registration number, and gives it out through the
exchange's gateway only. Records are drawn from the sandbox's seed, the same in every run; the
sandbox's operator can put the user's own firm in their place. It also states a company's status to
the platform (live, suspended, ceased), signed, when the operator says so. Nothing here is about a
real company.

Not for: accounts (bank_data.py), payments (bank.py).
"""

from __future__ import annotations

import datetime
from collections.abc import Mapping, Sequence
from typing import Any, Literal
from urllib.parse import quote

import msgspec
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from lionrock.directory.api import Sender, send_signed
from lionrock.exchange.api import CompanyParticulars
from lionrock.kernel.jobs import JobHandler
from lionrock.sandbox.world.data_provider import DataProvider, draw, plain
from lionrock.sandbox.world.frame import WorldContext

DEPARTMENT_ID = "companies-registry"
PRODUCTS = frozenset({("company-particulars", 1)})
OPERATOR_BODY_BYTES_MAX = 64 * 1024
_RECORDS = "companies"

_SURNAMES = ("Chan", "Lee", "Wong", "Ho", "Lam", "Cheung", "Ng", "Yip", "Tam", "Kwok")
_GIVEN = ("Ka Ming", "Wai Yin", "Siu Fong", "Chi Keung", "Mei Ling", "Tsz Ching", "Hoi Yan")
_STREETS = (
    ("Science Park West Avenue", "Sha Tin", "New Territories"),
    ("Cyberport Road", "Southern", "Hong Kong"),
    ("Hung To Road", "Kwun Tong", "Kowloon"),
    ("Tai Yau Street", "Wong Tai Sin", "Kowloon"),
    ("Yuen Long On Lok Road", "Yuen Long", "New Territories"),
)
_BUSINESSES = (
    ("281", "Manufacture of machinery", "製造機械"),
    ("721", "Research and development", "研究及發展"),
    ("620", "Information technology services", "資訊科技服務"),
    ("561", "Restaurants and beverage services", "餐飲服務"),
)


class CompanySketch(msgspec.Struct, frozen=True, kw_only=True):
    """What the sandbox's personas say of a company; the rest is drawn."""

    business_registration_number: str
    name_en: str
    name_zh_hant: str
    incorporated_on: datetime.date
    legal_form: Literal["cap_622_company", "sole_proprietor"] = "cap_622_company"


def particulars_of(sketch: CompanySketch, seed: int) -> CompanyParticulars:
    """Return a company's full record, drawn from seed and business registration number."""
    number = sketch.business_registration_number
    is_company = sketch.legal_form == "cap_622_company"

    def pick(what: str, below: int) -> int:
        return draw(seed, DEPARTMENT_ID, number, what, below=below)

    def name(what: str) -> str:
        surname = _SURNAMES[pick(f"{what} surname", len(_SURNAMES))]
        return f"{surname} {_GIVEN[pick(f'{what} given', len(_GIVEN))]}"

    street, district, region = _STREETS[pick("street", len(_STREETS))]
    business = _BUSINESSES[pick("business", len(_BUSINESSES))]
    people = [name(f"director {index}") for index in range(1 + pick("directors", 3))]
    shares = [1_000 * (1 + pick(f"shares {index}", 9)) for index in range(len(people))]
    plain_record: dict[str, Any] = {
        "business_registration_number": number,
        "names": {"en": sketch.name_en, "zh_hant": sketch.name_zh_hant},
        "company_type": "private" if is_company else "sole_proprietorship",
        "incorporated_under": "Cap. 622" if is_company else "not incorporated",
        "incorporated_on": sketch.incorporated_on if is_company else None,
        "status": "live",
        "business_registration_valid_until": datetime.date(2027, 3, 31),
        "registered_office": {
            "lines": [f"Unit {101 + pick('unit', 800)}", f"{1 + pick('house', 99)} {street}"],
            "district": district, "region": region,
        },
        "nature_of_business": {"code": business[0], "en": business[1], "zh_hant": business[2]},
        "directors": [
            {"name": person, "kind": "natural", "appointed_on": sketch.incorporated_on}
            for person in people if is_company
        ],
        "shareholders": [
            {"name": person, "kind": "natural", "share_class": "Ordinary", "shares": count}
            for person, count in zip(people, shares, strict=True) if is_company
        ],
        "share_capital": {"amount": f"{sum(shares)}.00", "currency": "HKD"}
        if is_company else None,
        "staff": {
            "full_time": 3 + pick("full time", 40), "part_time": pick("part time", 8),
            "as_of": datetime.date(2026, 1, 31),
        },
        "public_funding_status": "none",
    }  # fmt: skip
    return msgspec.convert(plain_record, CompanyParticulars)


class StatusWish(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What the sandbox's operator wants the register to say of a company."""

    status: Literal["live", "suspended", "ceased"]


class CompaniesRegistry:
    """The simulated department as a party of the world."""

    id = DEPARTMENT_ID

    def __init__(
        self, context: WorldContext, companies: Sequence[CompanySketch], seed: int
    ) -> None:
        self._context = context
        self._companies = {each.business_registration_number: each for each in companies}
        self._seed = seed
        self.provider = DataProvider(context, self.id, PRODUCTS, self)

    async def record(
        self, product: str, identifier_kind: str, identifier: str
    ) -> Mapping[str, Any] | None:
        """Return a company's whole record; the operator's when there is one."""
        if (product, identifier_kind) != ("company-particulars", "business_registration_number"):
            return None
        put = await self._context.store.get(self.id, _RECORDS, identifier)
        if put is not None:
            return put
        sketch = self._companies.get(identifier)
        return plain(particulars_of(sketch, self._seed)) if sketch else None

    async def put_record(self, number: str, record: CompanyParticulars) -> None:
        """Put a company's record in the place of the drawn one."""
        await self._context.store.put(self.id, _RECORDS, number, plain(record))

    def routes(self) -> Sequence[BaseRoute]:
        """The gateway, and the sandbox operator's address for the user's own firm."""
        operator = Route(
            "/operator/companies/{number}", self._put_company, methods=["PUT"]
        )
        status = Route(
            "/operator/companies/{number}/status", self._state_status, methods=["PUT"]
        )
        return [*self.provider.routes(), status, operator]

    def jobs(self) -> Mapping[str, JobHandler]:
        """Posting of receipts."""
        return self.provider.jobs()

    async def _put_company(self, request: Request) -> Response:
        """PUT a company's particulars: absent members are drawn, present ones are taken."""
        number = request.path_params["number"]
        given = await read_record(request, CompanyParticulars)
        if isinstance(given, str):
            return JSONResponse({"error": given}, status_code=400)
        merged = self._merged(number, plain(given))
        if isinstance(merged, str):
            return JSONResponse({"error": merged}, status_code=400)
        await self.put_record(number, merged)
        return JSONResponse({"simulated": True, "stored": number})

    async def _state_status(self, request: Request) -> Response:
        """PUT {"status": "live"|"suspended"|"ceased"}: state it to the platform, signed."""
        body = await request.body()
        try:
            wanted = msgspec.json.decode(body[:OPERATOR_BODY_BYTES_MAX], type=StatusWish)
        except msgspec.DecodeError as error:
            return JSONResponse({"error": str(error)}, status_code=400)
        context = self._context
        statement = {
            "status": wanted.status, "as_of": context.business_clock.now().isoformat(),
            "source": "Companies register (simulated)", "reference": context.ids.new("crs"),
        }  # fmt: skip
        number = quote(request.path_params["number"], safe="")
        exchange = await send_signed(
            context.network, context.wire_clock,
            Sender(self.id, context.key_store.get_or_create(self.id)), method="POST",
            url=f"{context.platform_url}/identity/v1/registry/companies/{number}/status",
            body=msgspec.json.encode(statement), headers={"content-type": "application/json"},
        )  # fmt: skip
        return Response(
            exchange.reply.body, status_code=exchange.reply.status, media_type="application/json"
        )

    def _merged(self, number: str, given: dict[str, Any]) -> CompanyParticulars | str:
        names = given.get("names") or {}
        incorporated_on = given.get("incorporated_on")
        sketch = self._companies.get(number) or CompanySketch(
            business_registration_number=number,
            name_en=names.get("en") or f"Company {number} Limited",
            name_zh_hant=names.get("zh_hant") or f"公司{number}有限公司",
            incorporated_on=datetime.date.fromisoformat(incorporated_on)
            if incorporated_on else datetime.date(2021, 4, 1),
        )
        try:
            drawn = plain(particulars_of(sketch, self._seed))
            merged = drawn | given | {"business_registration_number": number}
            return msgspec.convert(merged, CompanyParticulars, strict=True)
        except msgspec.ValidationError as error:
            return str(error)


async def read_record(
    request: Request, shape: type[CompanyParticulars]
) -> CompanyParticulars | str:
    """Read a PUT body strictly; a string says what is wrong with it."""
    body = await request.body()
    if len(body) > OPERATOR_BODY_BYTES_MAX:
        return f"the body is larger than {OPERATOR_BODY_BYTES_MAX} bytes"
    try:
        return msgspec.json.decode(body, type=shape)
    except msgspec.DecodeError as error:
        return str(error)
