"""POST /payments/v1/payee-questions: look-up and payee check for many payers in one signed call.

The call has one signature and one nonce; each question is charged and answered for itself, in
their order, and a refusal of one says its stable code (service/questions.py).
"""

from __future__ import annotations

from functools import partial
from typing import Annotated, Literal

import msgspec
from starlette.responses import Response

from lionrock.kernel.errors import Refused
from lionrock.kernel.http import reply
from lionrock.payments.addressing.domain.answers import Found
from lionrock.payments.addressing.http.callers import BelievedCall, ask_as_believed, nonce_of
from lionrock.payments.addressing.http.lookups import WHY_NOT
from lionrock.payments.addressing.service.addressing import Addressing
from lionrock.payments.addressing.service.payees import Verified
from lionrock.payments.addressing.service.questions import Answered, PayeeQuestion

QUESTIONS_MAX = 64


class QuestionsBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Questions, at most 64."""

    questions: Annotated[
        tuple[PayeeQuestion, ...], msgspec.Meta(min_length=1, max_length=QUESTIONS_MAX)
    ]


class AnswerReply(msgspec.Struct, frozen=True, omit_defaults=True):
    """The answer to one question; `code`, `detail` and `field` only where it is refused."""

    found: Found | None = None
    verified: Verified | None = None
    code: str = ""
    detail: str = ""
    field: str = ""


class AnswersReply(msgspec.Struct, frozen=True):
    """Answers, in the order of the questions."""

    answers: list[AnswerReply]


class QuestionsCall(BelievedCall[QuestionsBody]):
    """A call on its way: who says to call, the answers."""

    answers: list[Answered]


async def save_questions(call: QuestionsCall) -> Refused | None:
    """Remember the nonce and take the price of each question before anything is told.

    A caller that is no longer what it was when its signature was checked is checked anew.
    """
    answers = await ask_as_believed(
        call, partial(_ask, call), lambda answered: answered == "fallen"
    )
    if isinstance(answers, Refused):
        return answers
    if isinstance(answers, str):
        return WHY_NOT[answers]
    call.answers = answers
    return None


async def _ask(call: QuestionsCall) -> list[Answered] | Literal["fallen", "replayed"]:
    addressing: Addressing = call.room.addressing
    return await addressing.questions.answer(
        call.caller.id, call.signature.key.kid, call.body.questions, nonce_of(call)
    )


async def reply_answers(call: QuestionsCall) -> Response:
    """Answer all questions."""
    return reply(AnswersReply([_shown(each) for each in call.answers]))


def _shown(answered: Answered) -> AnswerReply:
    refused = answered.refused
    if refused is None:
        return AnswerReply(answered.found, answered.verified)
    return AnswerReply(code=refused.refusal.value, detail=refused.detail, field=refused.field)
