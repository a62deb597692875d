"""The application as a document: who asks for what, the facts stated, what the rules say."""

from __future__ import annotations

from typing import Any

from reportlab.platypus import KeepTogether, Spacer

from lionrock.kernel.i18n import HONG_KONG, show_date, show_money
from lionrock.programmes.cases.documents import words
from lionrock.programmes.cases.documents.layout import Paper, Pen, Signatory, build
from lionrock.programmes.cases.domain.rules import milestone_amounts
from lionrock.programmes.cases.domain.values import CURRENCY, Case, Judgement


def render_application(case: Case, city: str) -> bytes:
    """Return a case's application as PDF, ready to be signed; equal cases give equal bytes."""
    company = case.parties.company_names.in_language(case.language)
    paper = Paper(
        language=case.language, kind="application", name=words.APPLICATION,
        title=case.proposal.title, reference=case.id, city=city,
        signatories=(
            Signatory(
                party="person", capacity=words.CAPACITY_PERSON,
                name=case.parties.applicant_names.in_language(case.language),
            ),
            Signatory(party="company-seal", capacity=words.CAPACITY_COMPANY, name=company),
        ),
    )  # fmt: skip
    return build(paper, lambda pen: _story(case, pen))


def proxy_words(case: Case, pen: Pen) -> str:
    """Say under which proxy the company is paid."""
    kind = words.PROXY_KINDS[case.proposal.payout_proxy_kind]
    return pen.say(kind, proxy=case.proposal.payout_proxy)


def milestone_table(case: Case, pen: Pen, total_minor: int) -> Any:
    """Return the milestones with their shares of a total."""
    amounts = milestone_amounts(total_minor, case.proposal.milestones)
    rows = [
        (
            str(number), milestone.title, f"{milestone.share_percent} %",
            show_money(amount, CURRENCY, pen.language),
        )
        for number, (milestone, amount) in enumerate(
            zip(case.proposal.milestones, amounts, strict=True), start=1
        )
    ]  # fmt: skip
    heads = [pen.say(head) for head in (words.NUMBER, words.MILESTONE, words.SHARE, words.AMOUNT)]
    return pen.grid(heads, rows, (0.1, 0.5, 0.14, 0.26))


def _story(case: Case, pen: Pen) -> list[Any]:
    return [
        *_brief(case, pen),
        pen.heading(words.PROJECT),
        pen.paragraph(case.proposal.title, "term", is_bold=True),
        pen.paragraph(case.proposal.summary),
        KeepTogether([
            pen.heading(words.MILESTONES),
            milestone_table(case, pen, case.proposal.requested_minor),
        ]),
        *_facts(case.judgement, pen),
        *_rules(case.judgement, pen),
        KeepTogether([
            pen.heading(words.DECLARATIONS),
            *[
                pen.paragraph(f"{number}. {pen.say(line)}", "term")
                for number, line in enumerate(words.DECLARATION_LINES, start=1)
            ],
        ]),
    ]  # fmt: skip


def _brief(case: Case, pen: Pen) -> list[Any]:
    language, proposal, parties = pen.language, case.proposal, case.parties
    prepared_on = case.created_at.astimezone(HONG_KONG).date()
    return [
        pen.heading(words.IN_BRIEF),
        pen.pairs([
            (pen.say(words.CASE), case.id),
            (pen.say(words.PROGRAMME), case.judgement.programme_names.in_language(language)),
            (pen.say(words.APPLICANT), parties.company_names.in_language(language)),
            (pen.say(words.BUSINESS_NUMBER), parties.business_number),
            (pen.say(words.REPRESENTED_BY), parties.applicant_names.in_language(language)),
            (pen.say(words.PREPARED_ON), show_date(prepared_on, language)),
            (pen.say(words.PROJECT_COST), show_money(proposal.cost_minor, CURRENCY, language)),
            (pen.say(words.REQUESTED), show_money(proposal.requested_minor, CURRENCY, language)),
            (pen.say(words.PAY_TO), proxy_words(case, pen)),
        ]),
    ]  # fmt: skip


def _facts(judgement: Judgement, pen: Pen) -> list[Any]:
    rows = [
        (fact.label.in_language(pen.language), fact.shown.in_language(pen.language))
        for fact in judgement.facts
    ]
    heads = [pen.say(words.FACT), pen.say(words.STATED)]
    return [pen.heading(words.FACTS), pen.grid(heads, rows, (0.62, 0.38))]


def _rules(judgement: Judgement, pen: Pen) -> list[Any]:
    amount = ""
    if judgement.amount_minor is not None:
        is_sum = judgement.limit_minor is not None
        text = words.RULES_AMOUNT if is_sum else words.RULES_AMOUNT_MONTHLY
        amount = pen.say(text, amount=show_money(judgement.amount_minor, CURRENCY, pen.language))
    intro = pen.say(
        words.RULES_INTRO, on=show_date(judgement.on, pen.language),
        answer=pen.say(words.ANSWERS[judgement.answer]), amount=amount,
    )  # fmt: skip
    rows = [
        (
            clause.sentence.in_language(pen.language), pen.say(words.ANSWERS[clause.outcome]),
            clause.source,
        )
        for clause in judgement.clauses
        if clause.decides
    ]  # fmt: skip
    heads = [pen.say(words.CLAUSE), pen.say(words.OUTCOME), pen.say(words.SOURCE)]
    return [
        pen.heading(words.RULES),
        pen.paragraph(intro),
        Spacer(1, 6),
        pen.grid(heads, rows, (0.5, 0.15, 0.35)),
    ]
