"""Rich authorization requests: which types there are, what each holds, how a phone shows it.

A type is one row of TYPES: its fields, each with a check, and its words. Everything is checked when
pushed: an unknown type or field, a missing one, a wrong value, too many, too much to be shown. The
words are ours; a client's free text is only ever quoted in them.

Not for: what a detail lets anybody do (the pillar that serves it asks for its own approval).
Source: RFC 9396 s2 (structure), s5 (errors), s6.1 (narrowing), s12 (showing it to the person).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import msgspec

from lionrock.identity.domain.grant_refusals import GrantRefusal
from lionrock.identity.domain.words import QUOTED_LENGTH_MAX, is_safe_line, quote
from lionrock.identity.forms.domain import (
    FIELDS,
    IDENTITY_NUMBER,
    FormRefusal,
    narrowed_form,
)
from lionrock.kernel.errors import Refused
from lionrock.kernel.i18n import LANGUAGES, Text
from lionrock.kernel.jose import strict_json_object

# Of a provider or a product; several stand in one line of a phone.
NAME_LENGTH_MAX = 120
DATA_CONSENT = "data_consent"
PAYMENT_INITIATION = "payment_initiation"
FORM_FILLING = "form_filling"
DETAILS_LENGTH_MAX = 8 * 1024
DETAILS_MAX = 5
# What the sentences of one request may come to, so that a phone shows all of them.
WORDS_LENGTH_MAX = 700
FORM_FIELDS_MAX = 20

Detail = dict[str, Any]
_CONSENT_ID = re.compile(r"cns_[A-Za-z0-9]{1,60}")
_AMOUNT = re.compile(r"(?:0|[1-9][0-9]{0,11})\.[0-9]{2}")
_ACCOUNT = re.compile(r"[A-Za-z0-9-]{1,34}")
_JOIN = Text("; ", "；", "；")
_COMMA = Text(", ", "、", "、")
_FORM_PARTS = ("name", "number", "description")

# What a form can be filled with from the city's records.
FORM_FIELDS: dict[str, Text] = {name: spec.label for name, spec in FIELDS.items()}


class ConsentOutline(msgspec.Struct, frozen=True, kw_only=True):
    """What the exchange says of a consent that a detail names; names where it knows them."""

    id: str
    owner_kind: str
    owner_id: str
    provider: str
    consumer: str
    product: str
    provider_names: Text | None = None
    product_names: Text | None = None


class Field(msgspec.Struct, frozen=True, kw_only=True):
    """One member of a detail. `check` says whether a value is right."""

    check: Callable[[Any], bool]
    is_required: bool = True


class DetailType(msgspec.Struct, frozen=True, kw_only=True):
    """One type. `words` says in a language what a detail of it lets the client do.

    `server_fields` are added here when pushed (RFC 9396 s7.1), so that the words can name things.
    """

    fields: Mapping[str, Field]
    words: Callable[[Detail, str], str]
    check: Callable[[Detail], str | None] = lambda _detail: None
    server_fields: frozenset[str] = frozenset()


def _text(value: Any) -> bool:
    return isinstance(value, str) and is_safe_line(value, QUOTED_LENGTH_MAX)


def _matches(pattern: re.Pattern[str]) -> Callable[[Any], bool]:
    return lambda value: isinstance(value, str) and pattern.fullmatch(value) is not None


def _one_of(*values: str) -> Callable[[Any], bool]:
    return lambda value: value in values


def _several_of(known: Mapping[str, Text] | tuple[str, ...]) -> Callable[[Any], bool]:
    """A list of different known names, at least one."""

    def check(value: Any) -> bool:
        if not isinstance(value, list) or not 1 <= len(value) <= FORM_FIELDS_MAX:
            return False
        return all(isinstance(v, str) and v in known for v in value) and (
            len(set(value)) == len(value)
        )

    return check


def _object(**fields: Field) -> Callable[[Any], bool]:
    return lambda value: isinstance(value, dict) and _problem_of(value, fields) is None


def _consent_words(detail: Detail, language: str) -> str:
    if "provider" not in detail:
        return Text(
            "to use your data consent {id}", "使用你的資料同意書 {id}", "使用您的资料同意书 {id}"
        ).in_language(language).format(id=detail["consent_id"])
    text = Text(
        "to use your consent to data of {provider}: {product} ({id})",
        "使用你對{provider}資料的同意書：{product}（{id}）",
        "使用您对{provider}资料的同意书：{product}（{id}）",
    )
    return text.in_language(language).format(
        id=detail["consent_id"],
        provider=detail.get("provider_names", {}).get(language, detail["provider"]),
        product=detail.get("product_names", {}).get(language, detail["product"]),
    )


def _payment_words(detail: Detail, language: str) -> str:
    amount = detail["instructedAmount"]
    message = detail.get("remittanceInformationUnstructured")
    text = Text(
        "to prepare the payment of {currency} {amount} to {name} (account {account}){message}",
        "擬備付款{currency} {amount}予{name}（帳戶{account}）{message}",
        "拟备付款{currency} {amount}予{name}（账户{account}）{message}",
    )
    shown = Text(", message {text}", "，附言{text}", "，附言{text}").in_language(language)
    return text.in_language(language).format(
        currency=amount["currency"], amount=amount["amount"],
        name=quote(detail["creditorName"], language),
        account=detail["creditorAccount"]["identification"],
        message=shown.format(text=quote(message, language)) if message else "",
    )  # fmt: skip


def _form_words(detail: Detail, language: str) -> str:
    names = [FORM_FIELDS[name].in_language(language) for name in detail["fields"]]
    form = detail["form"]
    shown = [quote(form[part], language) for part in _FORM_PARTS if part in form]
    text = Text(
        "to fill in its form {form} with: {names}", "填寫其表格{form}：{names}",
        "填写其表格{form}：{names}",
    )
    return text.in_language(language).format(
        form=" ".join(shown), names=_COMMA.in_language(language).join(names)
    )


def _check_form(detail: Detail) -> str | None:
    """The required fields are among those asked for."""
    is_within = set(detail.get("required", ())) <= set(detail["fields"])
    return None if is_within else "required names a field that is not asked for."


TYPES: dict[str, DetailType] = {
    DATA_CONSENT: DetailType(
        fields={"consent_id": Field(check=_matches(_CONSENT_ID))}, words=_consent_words,
        server_fields=frozenset({"provider", "product", "provider_names", "product_names"}),
    ),
    PAYMENT_INITIATION: DetailType(
        fields={
            "actions": Field(check=_several_of(("initiate",)), is_required=False),
            "instructedAmount": Field(
                check=_object(
                    currency=Field(check=_one_of("HKD", "CNY", "USD", "EUR")),
                    amount=Field(check=_matches(_AMOUNT)),
                )
            ),
            "creditorName": Field(check=_text),
            "creditorAccount": Field(
                check=_object(identification=Field(check=_matches(_ACCOUNT)))
            ),
            "remittanceInformationUnstructured": Field(check=_text, is_required=False),
        },
        words=_payment_words,
    ),
    FORM_FILLING: DetailType(
        fields={
            "form": Field(
                check=_object(
                    name=Field(check=_text),
                    number=Field(check=_text, is_required=False),
                    description=Field(check=_text, is_required=False),
                )
            ),
            "fields": Field(check=_several_of(FORM_FIELDS)),
            "required": Field(check=_several_of(FORM_FIELDS), is_required=False),
        },
        words=_form_words,
        check=_check_form,
    ),
}


def read_details(
    text: str | None, allowed: frozenset[str], *, is_echo: bool = False
) -> tuple[Detail, ...] | Refused:
    """Read the parameter (RFC 9396 s2); `allowed` are the types of the client's policy.

    `is_echo`: details that the client was told, so that they may hold what the server added.
    """
    if text is None:
        return ()
    if len(text) > DETAILS_LENGTH_MAX:
        return _refused(f"At most {DETAILS_LENGTH_MAX} characters.")
    # The strict reader takes objects only; so a name given twice is refused inside the array too.
    wrapped = strict_json_object(f'{{"details":{text}}}'.encode("utf-8", "surrogatepass"))
    given = wrapped.get("details") if wrapped is not None and len(wrapped) == 1 else None
    if not isinstance(given, list) or not 1 <= len(given) <= DETAILS_MAX:
        return _refused(f"A JSON array of 1 to {DETAILS_MAX} objects.")
    for detail in given:
        problem = _check_detail(detail, allowed, is_echo=is_echo)
        if problem is not None:
            return _refused(problem)
    details = tuple(given)
    if not is_echo and [d["type"] for d in details].count(FORM_FILLING) > 1:
        return _refused("One form at a time.")
    if any(len(_JOIN.in_language(lang).join(show_details(details, lang))) > WORDS_LENGTH_MAX
           for lang in LANGUAGES):  # fmt: skip
        return _refused("They are more than a phone can show.")
    return details


def show_details(details: Iterable[Detail], language: str) -> list[str]:
    """Say what each detail lets the client do; free text in it is quoted."""
    return [TYPES[detail["type"]].words(detail, language) for detail in details]


def joined_details(details: Iterable[Detail], language: str) -> str:
    """Say it in one line, as the phone's template takes it."""
    return _JOIN.in_language(language).join(show_details(details, language))


def narrowed(asked: Iterable[Detail], granted: Iterable[Detail]) -> tuple[Detail, ...] | Refused:
    """Return the asked details when each was granted as it is (RFC 9396 s6.1), else DETAILS."""
    held = list(granted)
    found: list[Detail] = []
    for wanted in asked:
        same = [detail for detail in held if _own_part(detail) == _own_part(wanted)]
        if not same:
            return _refused("One was not granted.")
        found.append(same[0])
    return tuple(found)


def narrowed_to(
    text: str | None, allowed: frozenset[str], granted: tuple[Detail, ...]
) -> tuple[Detail, ...] | Refused:
    """Read what a token request narrows a grant to; without the parameter, all of the grant."""
    if text is None:
        return granted
    asked = read_details(text, allowed, is_echo=True)
    return asked if isinstance(asked, Refused) else narrowed(asked, granted)


def enriched(detail: Detail, outline: ConsentOutline) -> Detail:
    """Return a data consent's detail with what the exchange says of it."""
    assert detail["type"] == DATA_CONSENT, "only consents have an outline"
    told: Detail = {"provider": outline.provider, "product": outline.product}
    named = (("provider_names", outline.provider_names), ("product_names", outline.product_names))
    for member, text in named:
        names = {each: text.in_language(each) for each in LANGUAGES} if text is not None else {}
        # A name that no phone would show as it is leaves the id in its place.
        if names and all(is_safe_line(name, NAME_LENGTH_MAX) for name in names.values()):
            told[member] = names
    return detail | told


def merged(before: Iterable[Detail], added: Iterable[Detail]) -> tuple[Detail, ...]:
    """Return both, each different one once, in the order in which they came."""
    found = list(before)
    found.extend(detail for detail in added if detail not in found)
    return tuple(found)


def narrowed_details(
    details: Iterable[Detail], chosen: Sequence[str]
) -> tuple[Detail, ...] | Refused:
    """Return details whose form keeps only the chosen fields; NO_FORM, CHOICE."""
    kept: list[Detail] = []
    for detail in details:
        form = narrowed_form(detail, chosen) if detail["type"] == FORM_FILLING else detail
        if isinstance(form, Refused):
            return form
        kept.append(form)
    has_form = any(detail["type"] == FORM_FILLING for detail in kept)
    return tuple(kept) if has_form else Refused(FormRefusal.NO_FORM)


def form_of(details: Iterable[Detail]) -> Detail | None:
    """Return the form among details, if there is one."""
    return next((detail for detail in details if detail["type"] == FORM_FILLING), None)


def names_identity_number(details: Iterable[Detail]) -> bool:
    """Say whether a form among details asks for the identity number."""
    return any(
        IDENTITY_NUMBER in detail["fields"] for detail in details if detail["type"] == FORM_FILLING
    )


def consent_ids(details: Iterable[Detail]) -> tuple[str, ...]:
    """Return the consents of the exchange that details name, each once."""
    named = [d["consent_id"] for d in details if d["type"] == DATA_CONSENT]
    return tuple(dict.fromkeys(named))


def _text_or_names(value: Any) -> bool:
    """What the server added, when a client sends it back."""
    if not isinstance(value, dict):
        return _text(value)
    return value.keys() <= set(LANGUAGES) and all(_text(name) for name in value.values())


def _own_part(detail: Detail) -> Detail:
    """What the client itself asked for."""
    added = TYPES[detail["type"]].server_fields
    return {name: value for name, value in detail.items() if name not in added}


def _check_detail(detail: Any, allowed: frozenset[str], *, is_echo: bool) -> str | None:
    if not isinstance(detail, dict) or not isinstance(detail.get("type"), str):
        return "Each has a type."
    if detail["type"] not in TYPES or detail["type"] not in allowed:
        return "This client may not ask for that type."
    fields = dict(TYPES[detail["type"]].fields)
    if is_echo:
        added = Field(check=_text_or_names, is_required=False)
        fields |= dict.fromkeys(TYPES[detail["type"]].server_fields, added)
    problem = _problem_of({n: v for n, v in detail.items() if n != "type"}, fields)
    return problem or TYPES[detail["type"]].check(detail)


def _problem_of(given: Mapping[str, Any], fields: Mapping[str, Field]) -> str | None:
    for name in given:
        if name not in fields:
            return f"{name[:40]} is no field of the type."
    for name, field in fields.items():
        if name not in given and field.is_required:
            return f"{name} is missing."
        if name in given and not field.check(given[name]):
            return f"{name} has a wrong value."
    return None


def _refused(detail: str) -> Refused:
    return Refused(GrantRefusal.DETAILS, detail, "authorization_details")
