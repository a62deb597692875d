"""Every text of the pages, by name, in three languages. Texts of the pillars come from them."""

from __future__ import annotations

from lionrock.kernel.i18n import Text
from lionrock.portal.texts.cases import CASE_TEXTS
from lionrock.portal.texts.common import COMMON_TEXTS
from lionrock.portal.texts.details import DETAIL_TEXTS
from lionrock.portal.texts.funding import FACT_GROUPS, FUNDING_TEXTS
from lionrock.portal.texts.identity import IDENTITY_TEXTS
from lionrock.portal.texts.participants import PARTICIPANT_TEXTS
from lionrock.portal.texts.payment_desk import PAYMENT_DESK_TEXTS
from lionrock.portal.texts.payments import PAYMENT_TEXTS
from lionrock.portal.texts.records import RECORD_TEXTS
from lionrock.portal.texts.refusals import REFUSALS, refusal_text
from lionrock.portal.texts.services import SERVICE_TEXTS

LANGUAGE_NAMES = {"en": "English", "zh-Hant": "繁體中文", "zh-Hans": "简体中文"}
_PARTS = (
    COMMON_TEXTS, FUNDING_TEXTS, CASE_TEXTS, RECORD_TEXTS, SERVICE_TEXTS, IDENTITY_TEXTS,
    DETAIL_TEXTS, PAYMENT_TEXTS, PAYMENT_DESK_TEXTS, PARTICIPANT_TEXTS,
)  # fmt: skip
TEXTS: dict[str, Text] = {name: text for part in _PARTS for name, text in part.items()}
assert len(TEXTS) == sum(len(part) for part in _PARTS), "a text's name is taken"

__all__ = ["FACT_GROUPS", "LANGUAGE_NAMES", "REFUSALS", "TEXTS", "refusal_text"]
