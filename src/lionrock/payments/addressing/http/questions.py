"""POST /payments/v1/payee-questions: look-up and payee check for many payers in one signed call.

The call has one signature and one nonce; each question is charged and answered for itself, in
their order, and a refusal of one says its stable code (service/questions.py).
"""

from __future__ import annotations

from typing import Annotated, Any

import msgspec
from starlette.responses import Response

from lionrock.directory.api import REPLAY_REALM, ClaimedCall, parse_keyid
from lionrock.kernel.errors import Refused
from lionrock.kernel.http import reply
from lionrock.kernel.replay import value_of
from lionrock.kernel.signatures import SignatureRefusal, signature_keyid
from lionrock.payments.addressing.domain.answers import Found, FoundEntry
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


class QuestionsCall(ClaimedCall[Any, QuestionsBody]):
    """A call on its way: who says to call, what is registered, the answers."""

    there: list[list[FoundEntry]]
    answers: list[Answered]


async def load_caller_and_registrations(call: QuestionsCall) -> Refused | None:
    """Read who says to call and what is registered, in one round with others."""
    claimed = signature_keyid(call.request.headers)
    if isinstance(claimed, Refused):
        return claimed
    named = parse_keyid(claimed)
    call.claimed, call.there = await call.room.addressing.questions.read(
        named[0] if named else "", call.body.questions
    )
    return None


async def save_questions(call: QuestionsCall) -> Refused | None:
    """Remember the nonce and take the price of each question before anything is told."""
    signature = call.signature
    nonce = value_of(
        REPLAY_REALM, f"{signature.keyid}\n{signature.nonce}", signature.remember_until
    )
    answers = await call.room.addressing.questions.answer(
        call.caller.id, call.body.questions, call.there, nonce
    )
    if answers is None:
        return Refused(SignatureRefusal.REPLAYED)
    call.answers = answers
    return None


async def reply_answers(call: QuestionsCall) -> Response:
    """Answer all questions."""
    return reply(AnswersReply([_shown(each) for each in call.answers]))


def _shown(answered: Answered) -> AnswerReply:
    refused = answered.refused
    if refused is None:
        return AnswerReply(answered.found, answered.verified)
    return AnswerReply(code=refused.refusal.value, detail=refused.detail, field=refused.field)
