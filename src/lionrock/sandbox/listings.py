"""The sandbox's list of services: invented from topics and actions, each marked as simulated.

A city's portal lists over a thousand services, so that search, categories and paging are tried at
that size. Not for: claiming that any of them exists.
"""

from __future__ import annotations

import tomllib
from datetime import date
from importlib import resources
from typing import Any

from lionrock.identity.api import Client, Service
from lionrock.kernel.i18n import Text

SOURCE = "Lion Rock sandbox (invented)"
# No such host exists (RFC 2606 s2): a simulated listing leads nowhere.
ADDRESS = "https://services.example/{id}"
_SUMMARY = Text(
    "{name}, at the {organisation}. Invented for the sandbox.",
    "{name}（{organisation}）。為沙盒虛構。", "{name}（{organisation}）。为沙盒虚构。",
)  # fmt: skip


def simulated_services(as_of: date) -> list[Service]:
    """Every topic of every category with every action, in a fixed order."""
    text = resources.files("lionrock.sandbox").joinpath("data/services.toml").read_text("utf-8")
    data = tomllib.loads(text)
    return [
        _service(category, part, number, topic, action, as_of)
        for category, part in data["categories"].items()
        for number, topic in enumerate(part["topics"])
        for action in data["actions"]
    ]


def listing_of(client: Client, address: str, as_of: date) -> Service:
    """The listing of one of the sandbox's own relying services."""
    return Service(
        id=client.id, names=client.names, category="business", audience="both",
        summaries=Text(
            "A separate service that signs people in with their phone.",
            "以手機登入的獨立服務。", "以手机登录的独立服务。",
        ),
        organisation=client.names, address=address, sign_in="lionrock", client_id=client.id,
        source=SOURCE, as_of=as_of, is_simulated=True,
    )  # fmt: skip


def _service(
    category: str, part: dict[str, Any], number: int, topic: list[str], action: dict[str, str],
    as_of: date,
) -> Service:
    service_id = f"{category}-{number}-{action['id']}"
    names = Text(
        *(action[language].format(topic=name)
          for language, name in zip(("en", "zh-Hant", "zh-Hans"), topic, strict=True))
    )  # fmt: skip
    organisation = Text(*part["organisation"])
    summaries = Text(
        *(_SUMMARY.in_language(language).format(
            name=names.in_language(language), organisation=organisation.in_language(language))
          for language in ("en", "zh-Hant", "zh-Hans"))
    )  # fmt: skip
    return Service(
        id=service_id, names=names, summaries=summaries, category=category,
        organisation=organisation, address=ADDRESS.format(id=service_id),
        audience=part["audience"], sign_in="none" if action["sign_in"] == "none" else "own",
        source=SOURCE, as_of=as_of, is_simulated=True,
    )  # fmt: skip
