"""The page after the phone said yes: for which company does the person act, or as themselves?

It lists what the person may act for now, also through agent firms, and nothing else; the choice is
checked again when it is made, when the code is redeemed and whenever the token is used.
"""

from __future__ import annotations

import functools
from pathlib import Path

import jinja2

from lionrock.identity.service.authorization import SignInView
from lionrock.identity.service.identity import Identity
from lionrock.kernel.db import Connection
from lionrock.kernel.errors import Refused
from lionrock.kernel.i18n import Text

SELF = "self"
COMPANIES_MAX = 100
_TEMPLATES = Path(__file__).resolve().parent.parent / "templates"
_TITLE = Text("Act for which company?", "代表哪間公司？", "代表哪家公司？")
_EXPLAINED = Text(
    "{service} receives a key that acts for what you choose here.",
    "{service}將取得代表你所選一方行事的權限。", "{service}将取得代表您所选一方行事的权限。",
)
_AS_MYSELF = Text("As myself", "以本人身分", "以本人身份")
_THROUGH = Text("through {firm}", "經{firm}", "经{firm}")


async def choice_page(room: Identity, db: Connection, view: SignInView, language: str) -> str:
    """Return the page for an approved sign-in."""
    assert view.sign_in.person_id is not None, "only a person approves"
    choices: dict[str, dict[str, str]] = {}
    for mandate in await room.mandates.of_person(db, view.sign_in.person_id):
        company = await room.company(db, mandate.company_id)
        assert not isinstance(company, Refused), "a mandate's company exists"
        if company.id in choices or company.status != "live" or len(choices) >= COMPANIES_MAX:
            continue
        note = ""
        if mandate.via:
            firm = await room.company(db, mandate.via[0])
            assert not isinstance(firm, Refused), "a mandate's firm exists"
            note = _THROUGH.in_language(language).format(firm=firm.names.in_language(language))
        choices[company.id] = {
            "value": company.id, "name": company.names.in_language(language), "note": note,
        }  # fmt: skip
    service = view.client.names.in_language(language)
    return _environment().get_template("company_choice.html").render(
        language=language, title=_TITLE.in_language(language),
        explained=_EXPLAINED.in_language(language).format(service=service),
        as_myself=_AS_MYSELF.in_language(language), choices=list(choices.values()),
        sign_in_id=view.sign_in.id,
        form_token=room.vault.form_token(view.browser_secret, view.sign_in.id),
    )  # fmt: skip


@functools.cache
def _environment() -> jinja2.Environment:
    return jinja2.Environment(
        loader=jinja2.FileSystemLoader(_TEMPLATES), autoescape=True,
        undefined=jinja2.StrictUndefined, trim_blocks=True, lstrip_blocks=True,
    )  # fmt: skip
