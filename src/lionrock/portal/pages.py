"""From values to pages: templates with escaping on, the menu, the language, the frame around all.

No page needs a script and none has one inline; what a page asks of the browser beyond HTML and the
one style sheet is nothing.
"""

from __future__ import annotations

import functools
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import jinja2
from starlette.responses import Response

from lionrock.kernel.http import html
from lionrock.kernel.i18n import LANGUAGES, show_date, show_instant, show_money, show_number
from lionrock.portal.session import Session
from lionrock.portal.surroundings import Surroundings
from lionrock.portal.texts import LANGUAGE_NAMES, TEXTS

_TEMPLATES = Path(__file__).resolve().parent / "templates"
LANGUAGE_COOKIE_S = 365 * 24 * 3600


class Texts:
    """The texts of one language, by name; a template that asks for an unknown one fails."""

    def __init__(self, language: str) -> None:
        self._language = language

    def __getattr__(self, name: str) -> str:
        text = TEXTS.get(name)
        if text is None:
            raise AttributeError(name)
        return text.in_language(self._language)

    def __getitem__(self, name: str) -> str:
        return TEXTS[name].in_language(self._language)

    def __contains__(self, name: str) -> bool:
        return name in TEXTS


def show_page(
    template: str,
    *,
    language: str,
    city: str,
    path: str,
    query: Mapping[str, str],
    session: Session | None,
    surroundings: Surroundings,
    is_secure: bool,
    status: int = 200,
    values: Mapping[str, Any],
) -> Response:
    """Render a page; `?lang=` is remembered in a cookie."""
    others = {name: value for name, value in query.items() if name != "lang"}
    content = _environment().get_template(template).render(
        lang=language, city=city, t=Texts(language), session=session, surroundings=surroundings,
        menu=_menu(path, session), own_menu=_own_menu(path, session), languages=LANGUAGE_NAMES,
        here=path + "?" + urlencode(others) + ("&" if others else ""), money=_money(language),
        day=functools.partial(show_date, language=language),
        instant=functools.partial(show_instant, language=language),
        number=functools.partial(show_number, language=language), **values,
    )  # fmt: skip
    response = html(content, status)
    if query.get("lang") in LANGUAGES:
        response.set_cookie(
            "lang", query["lang"], max_age=LANGUAGE_COOKIE_S, path="/", httponly=True,
            secure=is_secure, samesite="lax",
        )  # fmt: skip
    return response


def _money(language: str) -> Any:
    def money(amount_minor: int) -> str:
        return show_money(amount_minor, "HKD", language)

    return money


def _menu(path: str, session: Session | None) -> list[dict[str, Any]]:
    """The pages that this visitor can use, with the present one marked."""
    names = [("services", "/portal/services"), ("funding", "/portal/funding")]
    if session is not None and session.officer is not None:
        names += [
            ("cases", "/portal/cases"), ("consents", "/portal/consents"),
            ("evidence", "/portal/evidence"),
        ]  # fmt: skip
    if session is not None and session.is_staff:
        names.append(("staff", "/portal/staff"))
    if session is not None and session.is_operator:
        names += [
            ("operations", "/portal/operations"), ("reviews", "/portal/reviews"),
            ("budgets", "/portal/budgets"), ("payments", "/portal/payments"),
        ]  # fmt: skip
    names.append(("awards", "/portal/awards"))
    return _items(path, names)


def _own_menu(path: str, session: Session | None) -> list[dict[str, Any]]:
    """The pages about oneself and the company that one acts for, behind one's own name."""
    if session is None:
        return []
    names = [
        ("details", "/portal/details"), ("access", "/portal/access"),
        ("company", "/portal/company"),
    ]  # fmt: skip
    if session.officer is not None:
        mandate = session.officer.mandate
        if mandate is not None and not mandate.via:
            names.append(("mandates", "/portal/mandates"))
        names.append(("onboarding", "/portal/onboarding"))
    return _items(path, names)


def _items(path: str, names: list[tuple[str, str]]) -> list[dict[str, Any]]:
    return [
        {"href": href, "name": f"menu_{name}", "is_current": path.startswith(href)}
        for name, href in names
    ]


@functools.cache
def _environment() -> jinja2.Environment:
    return jinja2.Environment(
        loader=jinja2.FileSystemLoader(_TEMPLATES), autoescape=True,
        undefined=jinja2.StrictUndefined, trim_blocks=True, lstrip_blocks=True,
    )  # fmt: skip
