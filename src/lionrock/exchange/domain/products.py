"""The data products: a typed payload per product and version, and how a consent cuts it.

One table says what a product's fields are called, what class of data each is, which purposes may
ask for it, who can own it. The same check runs where the payload leaves (provider) and where it
arrives (consumer): exactly the consented fields, each in its documented shape, nothing besides.

Not for: who offers a product (the catalogue, store.py). Classes of data follow the two that need
explicit consent on the Commercial Data Interchange (HKMA): data that identify the owner and data of
the owner's transactions; what anyone can read in a public register is a third.
"""

from __future__ import annotations

import datetime
from collections.abc import Iterable, Mapping
from typing import Any, Literal

import msgspec

from lionrock.exchange.domain.accounts import AccountData
from lionrock.exchange.domain.particulars import CompanyParticulars
from lionrock.exchange.domain.refusals import ExchangeRefusal
from lionrock.kernel.errors import Refused
from lionrock.kernel.i18n import Text

DataClass = Literal["public_register", "identifying", "transactional"]
OwnerKind = Literal["company", "person"]
DELIVERY_BYTES_MAX = 512 * 1024


class Field(msgspec.Struct, frozen=True, kw_only=True):
    """One top-level member of a payload: class of data, words, and its date member if periodic."""

    name: str
    data_class: DataClass
    words: Text
    dated_by: str | None = None


class Product(msgspec.Struct, frozen=True, kw_only=True):
    """One product in one version."""

    id: str
    version: int
    words: Text
    payload: type[msgspec.Struct]
    fields: tuple[Field, ...]
    purposes: frozenset[str]
    owner_kinds: frozenset[OwnerKind]

    def field(self, name: str) -> Field | None:
        """Return the field of that name, if the product has it."""
        return next((field for field in self.fields if field.name == name), None)

    @property
    def field_names(self) -> frozenset[str]:
        """Names of all fields."""
        return frozenset(field.name for field in self.fields)


def _field(
    name: str, data_class: DataClass, en: str, hant: str, hans: str, dated_by: str | None = None
) -> Field:
    return Field(
        name=name, data_class=data_class, words=Text(en, hant, hans), dated_by=dated_by
    )


COMPANY_PARTICULARS = Product(
    id="company-particulars",
    version=1,
    words=Text("company particulars", "公司資料", "公司资料"),
    payload=CompanyParticulars,
    fields=(
        _field("business_registration_number", "public_register",
               "business registration number", "商業登記號碼", "商业登记号码"),
        _field("names", "public_register", "company names", "公司名稱", "公司名称"),
        _field("company_type", "public_register", "type of company", "公司類別", "公司类别"),
        _field("incorporated_under", "public_register",
               "ordinance of incorporation", "成立所依據的條例", "成立所依据的条例"),
        _field("incorporated_on", "public_register",
               "date of incorporation", "成立日期", "成立日期"),
        _field("status", "public_register", "status of the company", "公司現況", "公司现况"),
        _field("business_registration_valid_until", "public_register",
               "end of the business registration", "商業登記屆滿日期", "商业登记届满日期"),
        _field("registered_office", "public_register",
               "registered office", "註冊辦事處", "注册办事处"),
        _field("nature_of_business", "public_register",
               "nature of business", "業務性質", "业务性质"),
        _field("directors", "identifying", "directors", "董事", "董事"),
        _field("shareholders", "identifying", "shareholders", "股東", "股东"),
        _field("share_capital", "public_register",
               "issued share capital", "已發行股本", "已发行股本"),
        _field("staff", "transactional",
               "number of staff in Hong Kong", "在港僱員人數", "在港雇员人数"),
        _field("public_funding_status", "public_register",
               "whether government or subvented", "是否政府或受資助機構", "是否政府或受资助机构"),
    ),
    purposes=frozenset({"funding-assessment", "grant-monitoring", "form-filling",
                        "account-opening", "credit-assessment"}),
    owner_kinds=frozenset({"company"}),
)

ACCOUNT_DATA = Product(
    id="account-data",
    version=1,
    words=Text("deposit account data", "存款帳戶資料", "存款账户资料"),
    payload=AccountData,
    fields=(
        _field("availability", "identifying",
               "which accounts there are", "開立了哪些帳戶", "开立了哪些账户"),
        _field("status", "identifying", "status of the accounts", "帳戶狀況", "账户状况"),
        _field("balances", "transactional", "balances", "結餘", "结余"),
        _field("transactions", "transactional", "transactions", "交易紀錄", "交易记录",
               dated_by="booked_on"),
    ),
    purposes=frozenset({"funding-assessment", "grant-monitoring", "credit-assessment"}),
    owner_kinds=frozenset({"company"}),
)

PRODUCTS: Mapping[tuple[str, int], Product] = {
    (product.id, product.version): product for product in (COMPANY_PARTICULARS, ACCOUNT_DATA)
}


def find_product(product_id: str, version: int) -> Product | Refused:
    """Return the product in that version; PRODUCT_UNKNOWN when there is none."""
    product = PRODUCTS.get((product_id, version))
    if product is None:
        return Refused(ExchangeRefusal.PRODUCT_UNKNOWN, f"no {product_id[:60]!r} v{version}")
    return product


def check_fields(product: Product, fields: Iterable[str]) -> Refused | None:
    """Check that a list of field names is not empty, has no repeats and is the product's own."""
    seen: set[str] = set()
    for name in fields:
        if name in seen:
            return Refused(ExchangeRefusal.FIELDS_REPEATED, name[:60], field="fields")
        if name not in product.field_names:
            return Refused(ExchangeRefusal.FIELD_UNKNOWN, name[:60], field="fields")
        seen.add(name)
    if not seen:
        return Refused(ExchangeRefusal.FIELDS_EMPTY, field="fields")
    return None


class Cut(msgspec.Struct, frozen=True, kw_only=True):
    """What of a product one delivery may hold: fields, and the days [data_from, data_until)."""

    fields: frozenset[str]
    data_from: datetime.date | None = None
    data_until: datetime.date | None = None

    def holds_day(self, day: datetime.date) -> bool:
        """Say whether a day lies in the half-open period."""
        if self.data_from is not None and day < self.data_from:
            return False
        return self.data_until is None or day < self.data_until


def cut_payload(product: Product, record: Mapping[str, Any], cut: Cut) -> dict[str, Any]:
    """Keep of a provider's record only what the cut allows.

    A field that the record does not have is left out; `check_payload` then names it as missing.
    """
    kept: dict[str, Any] = {}
    for field in product.fields:
        if field.name not in cut.fields or field.name not in record:
            continue
        value = record[field.name]
        if field.dated_by is not None:
            value = [row for row in value if _row_is_in(row, field.dated_by, cut)]
        kept[field.name] = value
    return kept


def _row_is_in(row: Mapping[str, Any], dated_by: str, cut: Cut) -> bool:
    return cut.holds_day(datetime.date.fromisoformat(row[dated_by]))


def check_payload(product: Product, payload: object, cut: Cut) -> Refused | None:
    """Check a payload of plain JSON objects against the product's type and the cut.

    DELIVERY_EXTRA_FIELD, DELIVERY_FIELD_MISSING, DELIVERY_MALFORMED (shape, with the path) or
    DELIVERY_OUTSIDE_PERIOD. Nothing is repaired: a provider that sends more is refused as a whole.
    """
    if not isinstance(payload, dict):
        return Refused(ExchangeRefusal.DELIVERY_MALFORMED, "the data are not an object")
    extra = sorted(str(name) for name in payload.keys() - cut.fields)
    if extra:
        return Refused(ExchangeRefusal.DELIVERY_EXTRA_FIELD, extra[0][:60], field=extra[0][:60])
    missing = sorted(cut.fields - payload.keys())
    if missing:
        return Refused(ExchangeRefusal.DELIVERY_FIELD_MISSING, missing[0], field=missing[0])
    try:
        msgspec.convert(payload, type=product.payload, strict=True)
    except msgspec.ValidationError as error:
        return Refused(ExchangeRefusal.DELIVERY_MALFORMED, str(error)[:200])
    for field in product.fields:
        if field.dated_by is None or field.name not in payload:
            continue
        if not all(_row_is_in(row, field.dated_by, cut) for row in payload[field.name]):
            return Refused(ExchangeRefusal.DELIVERY_OUTSIDE_PERIOD, field=field.name)
    return None


def data_classes(product: Product, fields: Iterable[str]) -> tuple[DataClass, ...]:
    """Return the classes of data among the fields, in alphabetical order."""
    names = frozenset(fields)
    return tuple(sorted({field.data_class for field in product.fields if field.name in names}))


def json_schema(product: Product) -> dict[str, Any]:
    """Return the JSON Schema (2020-12) of the payload type, for the catalogue."""
    return msgspec.json.schema(product.payload)
