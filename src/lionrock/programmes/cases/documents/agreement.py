"""The funding agreement as a document: parties, award, milestones, terms, committee's reasons."""

from __future__ import annotations

from datetime import date
from typing import Any

import msgspec
from reportlab.platypus import KeepTogether

from lionrock.kernel.i18n import show_date, show_money
from lionrock.programmes.cases.documents import words
from lionrock.programmes.cases.documents.application import milestone_table, proxy_words
from lionrock.programmes.cases.documents.layout import Paper, Pen, Signatory, build
from lionrock.programmes.cases.domain.values import CURRENCY, Case


class AgreementTerms(msgspec.Struct, frozen=True, kw_only=True):
    """What the agreement adds to the case: the award and the application that it rests on."""

    award_id: str
    amount_minor: int
    committed_on: date
    reasons: str
    application_sha256: str


def render_agreement(case: Case, terms: AgreementTerms, city: str) -> bytes:
    """Return the agreement as PDF, ready to be sealed; equal input gives equal bytes."""
    assert terms.amount_minor > 0, "an agreement is about an award"
    company = case.parties.company_names.in_language(case.language)
    paper = Paper(
        language=case.language, kind="agreement", name=words.AGREEMENT, title=case.proposal.title,
        reference=f"{case.id}  {terms.award_id}", city=city,
        signatories=(
            Signatory(party="company-seal", capacity=words.CAPACITY_RECIPIENT, name=company),
            Signatory(
                party="office-seal", capacity=words.CAPACITY_OFFICE,
                name=words.OFFICE_NAME.in_language(case.language),
            ),
        ),
    )  # fmt: skip
    return build(paper, lambda pen: _story(case, terms, pen))


def _story(case: Case, terms: AgreementTerms, pen: Pen) -> list[Any]:
    language = pen.language
    return [
        pen.heading(words.PARTIES),
        pen.pairs([
            (pen.say(words.OFFICE), pen.say(words.OFFICE_NAME)),
            (pen.say(words.RECIPIENT), case.parties.company_names.in_language(language)),
            (pen.say(words.BUSINESS_NUMBER), case.parties.business_number),
        ]),
        pen.heading(words.AWARD),
        pen.pairs([
            (pen.say(words.PROGRAMME), case.judgement.programme_names.in_language(language)),
            (pen.say(words.CASE), case.id),
            (pen.say(words.PROJECT), case.proposal.title),
            (pen.say(words.AWARD_NUMBER), terms.award_id),
            (pen.say(words.AWARD_AMOUNT), show_money(terms.amount_minor, CURRENCY, language)),
            (pen.say(words.AWARDED_ON), show_date(terms.committed_on, language)),
            (pen.say(words.PAY_TO), proxy_words(case, pen)),
            (pen.say(words.APPLICATION_DIGEST), terms.application_sha256),
        ]),
        KeepTogether([
            pen.heading(words.MILESTONES), milestone_table(case, pen, terms.amount_minor),
        ]),
        KeepTogether([pen.heading(words.REASONS), pen.paragraph(terms.reasons)]),
        pen.heading(words.TERMS),
        *[
            pen.paragraph(f"{number}. {pen.say(line)}", "term")
            for number, line in enumerate(words.TERM_LINES, start=1)
        ],
    ]  # fmt: skip
