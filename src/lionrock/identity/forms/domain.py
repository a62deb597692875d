"""The fields that a form can be filled with: their names, labels, shapes, and who may state each.

A field is one row of FIELDS. A registry's value beats the person's own where both are on record.
Not for: where values are kept (store), what a client may ask for (domain/details.py).
Source: RFC 9396 s2 (fields inside a detail), s6.1 and s7.1 (granted less than asked).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from datetime import date, datetime
from typing import Any, Literal

import msgspec

from lionrock.identity.domain.words import is_safe_line
from lionrock.kernel.errors import Refusal, Refused
from lionrock.kernel.i18n import Text

Source = Literal["registry_of_persons", "address_proof", "self"]
REGISTRY: Source = "registry_of_persons"
ADDRESS_PROOF: Source = "address_proof"
SELF: Source = "self"
# How a registry came to know: OpenID Identity Assurance's words for records and documents.
EVIDENCE: Mapping[str, tuple[str, ...]] = {
    REGISTRY: ("population_register",),
    ADDRESS_PROOF: ("utility_statement", "bank_statement", "government_letter"),
}
IDENTITY_NUMBER = "idNo"
LINE_LENGTH_MAX = 120
# A form is filled in at once: what was granted is fetched within this time of the person's yes.
FETCH_LIFE_S = 900
# The same call, told by its Idempotency-Key, is answered again for so long.
REPEAT_S = 120
KEY_LENGTH_MAX = 100
_PHONE = re.compile(r"\+[1-9][0-9]{6,14}")
_EMAIL = re.compile(r"[^\s@<>\"']{1,64}@[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)+")
_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
ADDRESS_FIELDS = frozenset({"residentialAddress", "postalAddress"})
ADDRESS_PARTS = ("flat", "floor", "block", "building", "estate", "street", "district", "region")
REGIONS = ("Hong Kong", "Kowloon", "New Territories", "outside Hong Kong")
# The values of fields that are one of a set.
OPTIONS: Mapping[str, tuple[str, ...]] = {
    "prefix": ("Mr", "Ms", "Mrs", "Miss", "Dr", "Prof"),
    "gender": ("M", "F", "X"),
    "maritalStatus": ("single", "married", "divorced", "widowed", "separated"),
    "educationLevel": ("primary", "secondary", "diploma", "bachelor", "master", "doctorate"),
}
REFERENCE = re.compile(r"[A-Za-z0-9._:-]{1,64}")


class FormRefusal(Refusal):
    """Why a value, a choice or a form is not taken."""

    FIELD_UNKNOWN = "identity.form_field_unknown"
    FIELD_VALUE = "identity.form_field_value"
    FIELD_SOURCE = "identity.form_field_source"
    STATEMENT = "identity.form_statement"
    STATEMENT_TIME = "identity.form_statement_time"
    REGISTRY_ROLE = "identity.form_registry_role"
    SUBJECT_UNKNOWN = "identity.form_subject_unknown"
    CHOICE = "identity.form_choice"
    NO_FORM = "identity.form_none"
    ANSWERED = "identity.form_answered"
    NOT_GRANTED = "identity.form_not_granted"
    DELIVERED = "identity.form_delivered"
    DELIVERY_KEY = "identity.form_delivery_key"
    EXPIRED = "identity.form_expired"
    REQUEST = "identity.form_request"
    FILLING_UNKNOWN = "identity.form_filling_unknown"
    FILLING_PENDING = "identity.form_filling_pending"
    FILLING_DENIED = "identity.form_filling_denied"
    FILLING_USED = "identity.form_filling_used"
    FILLING_CODE = "identity.form_filling_code"
    LIMITED = "identity.form_limited"


class FieldSpec(msgspec.Struct, frozen=True, kw_only=True):
    """One field: its label, who may state it, and whether a value is of its shape.

    `is_of_record`: identity's own record of the person holds it; nobody states it here.
    """

    label: Text
    sources: frozenset[Source]
    check: Callable[[Any], bool]
    is_of_record: bool = False

    @property
    def is_self_declared(self) -> bool:
        """Say whether persons state it themselves."""
        return SELF in self.sources and not self.is_of_record


class FieldValue(msgspec.Struct, frozen=True, kw_only=True):
    """A value on record. `matched_at`: when a registry last matched it; None for one's own word."""

    field: str
    value: Any
    source: Source
    evidence: str
    updated_at: datetime
    matched_at: datetime | None = None


class FormChoice(msgspec.Struct, frozen=True, kw_only=True):
    """One checkbox on the phone."""

    name: str
    label: str
    is_required: bool
    is_chosen: bool


def _line(value: Any) -> bool:
    return isinstance(value, str) and is_safe_line(value, LINE_LENGTH_MAX)


def _matches(pattern: re.Pattern[str]) -> Callable[[Any], bool]:
    return lambda value: isinstance(value, str) and pattern.fullmatch(value) is not None


def _one_of(field: str) -> Callable[[Any], bool]:
    return lambda value: isinstance(value, str) and value in OPTIONS[field]


def _date(value: Any) -> bool:
    if not isinstance(value, str) or _DATE.fullmatch(value) is None:
        return False
    try:
        return date.fromisoformat(value) >= date(1880, 1, 1)
    except ValueError:
        return False


def _address(value: Any) -> bool:
    """An object of lines; it names a region, and a building or a street."""
    if not isinstance(value, dict) or set(value) - set(ADDRESS_PARTS):
        return False
    if value.get("region") not in REGIONS or not ({"building", "street"} & set(value)):
        return False
    return all(_line(part) for part in value.values())


def _document(value: Any) -> bool:
    if not isinstance(value, dict) or set(value) != {"type", "issuer", "issued_on"}:
        return False
    is_known = value["type"] in EVIDENCE[ADDRESS_PROOF]
    return is_known and _line(value["issuer"]) and _date(value["issued_on"])


def _field(
    label: Text, check: Callable[[Any], bool], *sources: Source, is_of_record: bool = False
) -> FieldSpec:
    return FieldSpec(
        label=label, check=check, sources=frozenset(sources), is_of_record=is_of_record
    )


FIELDS: Mapping[str, FieldSpec] = {
    "prefix": _field(
        Text("your title", "你的稱謂", "您的称谓"), _one_of("prefix"), SELF,
    ),
    "enName": _field(
        Text("your name in English", "你的英文姓名", "您的英文姓名"), _line, REGISTRY,
        is_of_record=True,
    ),
    "chName": _field(
        Text("your name in Chinese", "你的中文姓名", "您的中文姓名"), _line, REGISTRY,
        is_of_record=True,
    ),
    "gender": _field(Text("your sex", "你的性別", "您的性别"), _one_of("gender"), REGISTRY),
    "birthDate": _field(Text("your date of birth", "你的出生日期", "您的出生日期"), _date, REGISTRY),
    IDENTITY_NUMBER: _field(
        Text("your identity card number", "你的身份證號碼", "您的身份证号码"), _line, REGISTRY,
        is_of_record=True,
    ),
    "maritalStatus": _field(
        Text("your marital status", "你的婚姻狀況", "您的婚姻状况"),
        _one_of("maritalStatus"), SELF, REGISTRY,
    ),
    "mobileNumber": _field(
        Text("your mobile number", "你的流動電話號碼", "您的移动电话号码"), _matches(_PHONE), SELF,
        is_of_record=True,
    ),
    "homeNumber": _field(
        Text("your home number", "你的住宅電話號碼", "您的住宅电话号码"), _matches(_PHONE), SELF
    ),
    "officeNumber": _field(
        Text("your office number", "你的辦公室電話號碼", "您的办公室电话号码"), _matches(_PHONE), SELF
    ),
    "emailAddress": _field(
        Text("your e-mail", "你的電郵", "您的电邮"), _matches(_EMAIL), SELF, is_of_record=True
    ),
    "residentialAddress": _field(
        Text("your home address", "你的住址", "您的住址"), _address, SELF, ADDRESS_PROOF
    ),
    "postalAddress": _field(
        Text("your postal address", "你的通訊地址", "您的通讯地址"), _address, SELF
    ),
    "educationLevel": _field(
        Text("your level of education", "你的教育程度", "您的教育程度"),
        _one_of("educationLevel"), SELF,
    ),
    "addressDoc": _field(
        Text("the document that proves your address", "你的住址證明文件", "您的住址证明文件"),
        _document, ADDRESS_PROOF,
    ),
}  # fmt: skip


def check_value(field: str, value: Any, source: Source) -> Refused | None:
    """Check a value to be kept: FIELD_UNKNOWN, FIELD_SOURCE, FIELD_VALUE."""
    spec = FIELDS.get(field)
    if spec is None:
        return Refused(FormRefusal.FIELD_UNKNOWN, field="field")
    if spec.is_of_record or source not in spec.sources:
        return Refused(FormRefusal.FIELD_SOURCE, field=field)
    return None if spec.check(value) else Refused(FormRefusal.FIELD_VALUE, field=field)


def check_statement(
    source: str, evidence: str, reference: str, matched_at: datetime, now: datetime
) -> Refused | None:
    """Check a registry's statement, fields aside: STATEMENT, STATEMENT_TIME."""
    if evidence not in EVIDENCE.get(source, ()) or REFERENCE.fullmatch(reference) is None:
        return Refused(FormRefusal.STATEMENT, field="source")
    return Refused(FormRefusal.STATEMENT_TIME, field="matched_at") if matched_at > now else None


def narrowed_form(asked: Mapping[str, Any], chosen: Sequence[str]) -> dict[str, Any] | Refused:
    """Return a form's detail with only the chosen fields, in the order asked for; CHOICE.

    A field that was not asked for is refused, and so is leaving out a required one, or all.
    """
    wanted = set(chosen)
    is_within = len(wanted) == len(chosen) and wanted <= set(asked["fields"])
    if not wanted or not is_within or not set(asked.get("required", ())) <= wanted:
        return Refused(FormRefusal.CHOICE, field="fields")
    return {**asked, "fields": [name for name in asked["fields"] if name in wanted]}


def choices(
    asked: Mapping[str, Any], granted: Mapping[str, Any], language: str
) -> list[FormChoice]:
    """Return the checkboxes of a form, in the phone's language."""
    return [
        FormChoice(
            name=name, label=FIELDS[name].label.in_language(language),
            is_required=name in asked.get("required", ()), is_chosen=name in granted["fields"],
        )
        for name in asked["fields"]
    ]  # fmt: skip


def masked(field: str, value: Any) -> Any:
    """Return a value as its own holder is shown it: an identity number only by its ends."""
    if field != IDENTITY_NUMBER or not isinstance(value, str):
        return value
    return f"{value[:1]}{'*' * max(0, len(value) - 2)}{value[-1:]}"
