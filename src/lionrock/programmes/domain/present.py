"""Decisions as documents: the JSON of the command line, the HTTP API and frozen applications.

Every clause says its sentence, outcome, source, basis, mark, dates and what would change it, in the
language asked for. Shape: {"answer", "amount", "clauses": [...], ...}; amounts are decimal strings.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any, Final

import msgspec

from lionrock.kernel.i18n import Text
from lionrock.kernel.money import format_minor
from lionrock.programmes.domain import texts
from lionrock.programmes.domain.clauses import (
    CLAUSE_KINDS,
    Boundary,
    Head,
    Limit,
    NeverDirect,
    Planned,
    Scheme,
    SchemeBook,
    facts_asked,
    parameters_of,
)
from lionrock.programmes.domain.dates import MarkedDay, Validity, point_of_day
from lionrock.programmes.domain.decide import ClauseResult, Decision, MarkedReading
from lionrock.programmes.domain.navigator import open_points
from lionrock.programmes.domain.parameters import ParameterRule, Selection, Source
from lionrock.programmes.domain.truth import Answer

STATE_FACTS: Final = Text("State: {questions}", "請說明：{questions}", "请说明：{questions}")
DATE_SOURCE: Final = Text(
    "A source that dates the rule: {labels}.",
    "需有說明規則生效日期的資料：{labels}。",
    "需有说明规则生效日期的资料：{labels}。",
)
MUST_HOLD: Final = Text(
    "It would have to hold: {sentence}", "須符合：{sentence}", "须符合：{sentence}"
)
OTHER_DATE: Final = Text(
    "Another date.", "另選日期。", "另选日期。"
)
DAY_SOURCE: Final = Text(
    "A source that gives the exact day.", "需有說明確實日期的資料。", "需有说明确实日期的资料。"
)
NOTHING_LEFT: Final = Text(
    "Nothing is left under this ceiling.", "此上限下已無餘額。", "此上限下已无余额。"
)
OTHER_SOURCE: Final = Text(
    "A source that states it.", "需有說明此事的資料。", "需有说明此事的资料。"
)
COMMITTEE: Final = Text(
    "The source says \"normally\" or \"etc.\": the committee decides.",
    "資料用「一般」或「等」字眼：由評審委員會決定。",
    "资料用“一般”或“等”字眼：由评审委员会决定。",
)
START_UNKNOWN: Final = Text(
    "The start of this rule ({rule}) is not documented: taken as always in force.",
    "此規則（{rule}）的生效日期沒有記錄：視為一直有效。",
    "此规则（{rule}）的生效日期没有记录：视为一直有效。",
)
FIRST_SEEN: Final = Text(
    "The start of this rule ({rule}) is not documented: taken as in force from {day}, when a "
    "source first shows it.",
    "此規則（{rule}）的生效日期沒有記錄：由{day}首次見於資料起視為有效。",
    "此规则（{rule}）的生效日期没有记录：由{day}首次见于资料起视为有效。",
)
OTHER_VALUE: Final = Text(
    "Another source ({rule}) states {value}.",
    "另一資料（{rule}）說明為{value}。",
    "另一资料（{rule}）说明为{value}。",
)
NOTICE: Final = Text(
    "This informs and decides nothing: the vetting committee decides. Rules as known on "
    "{revision}; not legal advice.",
    "此結果只供參考，最終由評審委員會決定。規則以{revision}所知為準，並非法律意見。",
    "此结果只供参考，最终由评审委员会决定。规则以{revision}所知为准，并非法律意见。",
)
LATER: Final = Text(
    "The date asked for is later than what is known: the rules are taken as unchanged.",
    "查詢日期在已知資料之後：假設規則不變。",
    "查询日期在已知资料之后：假设规则不变。",
)


def decision_document(book: SchemeBook, decision: Decision, lang: str) -> dict[str, Any]:
    """Return one decision as a JSON-ready object in a language ("en", "zh-Hant", "zh-Hans")."""
    scheme = decision.scheme
    revision = texts.text_of_point(point_of_day(book.revision_date))
    notices = [texts.fill(NOTICE, {"revision": revision}).in_language(lang)]
    if decision.on > book.revision_date:
        notices.append(LATER.in_language(lang))
    document: dict[str, Any] = {
        "scheme": scheme.id,
        "name": scheme.record.name.in_language(lang),
        "on": decision.on.isoformat(),
        "answer": decision.answer.value,
        "amount": wire_amount(decision.amount_minor),
        "amount_unit": scheme.amount.unit if scheme.amount else None,
        "amount_bound": scheme.amount.bound if scheme.amount else None,
        "amount_is_conditional": (
            decision.amount_minor is not None and decision.answer is not Answer.YES
        ),
        "amount_assumes": list(decision.assumed),
        "clauses": [clause_document(book, result, lang) for result in decision.clauses],
        "with_marked_days": None,
        "rules_known_on": book.revision_date.isoformat(),
        "rules_digest": book.digest,
        "notices": notices,
    }
    if decision.with_marked_days is not None:
        document["with_marked_days"] = _marked_document(decision, decision.with_marked_days)
    return document


def navigation_document(
    book: SchemeBook, decisions: Sequence[Decision], on: date, lang: str
) -> dict[str, Any]:
    """Return ranked decisions in short form: what a list of all schemes shows."""
    counts = {answer.value: 0 for answer in Answer}
    for decision in decisions:
        counts[decision.answer.value] += 1
    return {
        "on": on.isoformat(),
        "counts": counts,
        "rules_known_on": book.revision_date.isoformat(),
        "rules_digest": book.digest,
        "decisions": [_short_document(book, decision, lang) for decision in decisions],
    }


def scheme_document(book: SchemeBook, scheme: Scheme) -> dict[str, Any]:
    """Return everything the data says about one scheme; names and summary in three languages."""
    record = scheme.record
    return {
        "id": scheme.id,
        "name": msgspec.to_builtins(record.name),
        "name_basis": record.name_basis,
        "summary": msgspec.to_builtins(record.summary),
        "abbreviation": record.abbreviation,
        "kind": record.kind,
        "status": record.status,
        "owner": record.owner,
        "owner_basis": record.owner_basis,
        "eligibility": record.eligibility,
        "dates": dict(record.dates),
        "source": source_document(record.source),
        "quantities": msgspec.to_builtins(record.quantities),
        "rules": [rule_document(rule) for rules in scheme.series.values() for rule in rules],
        "not_stated": list(record.not_stated),
        "further_facts": msgspec.to_builtins(record.further_facts),
        "note": record.note,
        "is_executable": scheme.is_executable,
        "asks_for": sorted(facts_asked(scheme)),
        "rules_digest": book.digest,
    }


def clause_document(book: SchemeBook, result: ClauseResult, lang: str) -> dict[str, Any]:
    """Return one clause with everything that stands behind it."""
    head = result.clause.head
    rules = _rules_of(result)
    first = rules[0] if rules else None
    change = would_change(book, result)
    return {
        "id": head.id,
        "kind": CLAUSE_KINDS[type(result.clause)],
        "decides": result.decides,
        "applies": result.applies,
        "outcome": result.outcome.value,
        "sentence": sentence_of(result).in_language(lang),
        "source": source_document(first.source if first else head.source),
        "basis": first.basis if first else head.basis,
        "mark": first.mark if first else head.mark,
        "dates": _dates_of(result, first),
        "rules": [rule_document(rule) for rule in rules],
        "note": head.note,
        "remarks": [remark.in_language(lang) for remark in remarks_of(result)],
        "amount": wire_amount(result.amount_minor),
        "bites": result.bites,
        "missing_facts": list(result.missing_facts),
        "would_change": change.in_language(lang) if change else None,
    }


def sentence_of(result: ClauseResult) -> Text:
    """Return a clause's sentence with the values of the rules in force filled in."""
    head: Head = result.clause.head
    values: dict[str, Text] = {}
    for name, key in texts.places(head.sentence):
        place = f"{name}.{key}" if key else name
        values[place] = texts.text_of_selection(result.selections[name], key)
    return texts.fill(head.sentence, values) if values else head.sentence


def would_change(book: SchemeBook, result: ClauseResult) -> Text | None:
    """Return what would change this clause's outcome; None where it holds or decides nothing."""
    if not result.decides or result.outcome is Answer.YES:
        return None
    if isinstance(result.clause, Boundary):
        return OTHER_DATE if result.outcome is Answer.NO else DAY_SOURCE
    if result.outcome is Answer.NO:
        if isinstance(result.clause, NeverDirect | Planned):
            return OTHER_SOURCE
        if isinstance(result.clause, Limit):
            return NOTHING_LEFT
        return texts.fill(MUST_HOLD, {"sentence": sentence_of(result)})
    reasons: list[Text] = []
    if result.missing_facts:
        definitions = book.vocabulary.definitions
        questions = [definitions[name].question for name in result.missing_facts]
        text = texts.joined(questions, texts.plain(" "))
        reasons.append(texts.fill(STATE_FACTS, {"questions": text}))
    if result.open_parameters:
        labels = [book.parameters[name].label for name in result.open_parameters]
        reasons.append(texts.fill(DATE_SOURCE, {"labels": texts.joined(labels, texts.LIST)}))
    if reasons:
        return texts.joined(reasons, texts.plain(" "))
    return COMMITTEE if getattr(result.clause, "is_usual", False) else OTHER_SOURCE


def remarks_of(result: ClauseResult) -> list[Text]:
    """Return what must be said of the rules used: an undocumented start, another source's value."""
    remarks: list[Text] = []
    for selection in result.selections.values():
        for rule in selection.candidates:
            if rule is not None and rule.validity.valid_from is None:
                remarks.append(_start_remark(rule))
        for rule in selection.also:
            value = texts.text_of_rule(rule)
            remarks.append(
                texts.fill(OTHER_VALUE, {"rule": texts.plain(rule.id), "value": value})
            )
    return remarks


def source_document(source: Source) -> dict[str, Any]:
    """Return a source: a place in the fact sheet, or an address."""
    if source.address:
        return {"address": source.address}
    return {
        "document": source.document, "revision_date": source.revision_date,
        "section": source.section, "bullet": source.bullet,
    }


def rule_document(rule: ParameterRule) -> dict[str, Any]:
    """Return one dated rule as the data states it, with its source."""
    return {
        "id": rule.id, "parameter": rule.parameter, "value": rule.stated, "unit": rule.unit,
        "basis": rule.basis, "mark": rule.mark, "source": source_document(rule.source),
        "dates": validity_document(rule.validity), "note": rule.note,
    }


def validity_document(validity: Validity) -> dict[str, Any]:
    """Return a rule's dates as precisely as they are known; valid_to is exclusive."""
    return {
        "valid_from": validity.valid_from.text if validity.valid_from else None,
        "valid_to": validity.valid_to.text if validity.valid_to else None,
        "valid_from_day": _day_document(validity.valid_from_day),
        "valid_to_day": _day_document(validity.valid_to_day),
        "seen_on": validity.seen_on.isoformat() if validity.seen_on else None,
        "last_seen_on": validity.last_seen_on.isoformat() if validity.last_seen_on else None,
    }


def wire_amount(amount_minor: int | None) -> str | None:
    """Return cents as a decimal string in dollars."""
    return None if amount_minor is None else format_minor(amount_minor, "HKD")


def _short_document(book: SchemeBook, decision: Decision, lang: str) -> dict[str, Any]:
    scheme = decision.scheme
    deciding = [r for r in decision.clauses if r.decides and r.outcome is not Answer.YES]
    deciding.sort(key=lambda r: r.outcome is not Answer.NO)
    reason = deciding[0] if deciding else None
    return {
        "scheme": scheme.id,
        "name": scheme.record.name.in_language(lang),
        "abbreviation": scheme.record.abbreviation,
        "summary": scheme.record.summary.in_language(lang),
        "answer": decision.answer.value,
        "amount": wire_amount(decision.amount_minor),
        "amount_unit": scheme.amount.unit if scheme.amount else None,
        "amount_bound": scheme.amount.bound if scheme.amount else None,
        "amount_assumes": list(decision.assumed),
        "open_points": open_points(decision),
        "is_executable": scheme.is_executable,
        "source": source_document(scheme.record.source),
        "reason": clause_document(book, reason, lang) if reason else None,
    }


def _marked_document(decision: Decision, marked: MarkedReading) -> dict[str, Any]:
    plain = {r.clause.head.id: r.outcome for r in decision.clauses}
    return {
        "answer": marked.reading.answer.value,
        "amount": wire_amount(marked.reading.amount_minor),
        "days": [_day_document(day) for day in marked.days],
        "clauses": [
            {"id": r.clause.head.id, "outcome": r.outcome.value}
            for r in marked.reading.clauses
            if r.outcome is not plain[r.clause.head.id]
        ],
    }


def _start_remark(rule: ParameterRule) -> Text:
    name = texts.plain(rule.id)
    seen_on = rule.validity.seen_on
    if seen_on is None:
        return texts.fill(START_UNKNOWN, {"rule": name})
    return texts.fill(
        FIRST_SEEN, {"rule": name, "day": texts.text_of_point(point_of_day(seen_on))}
    )


def _rules_of(result: ClauseResult) -> list[ParameterRule]:
    """Every rule behind a clause, those that may be in force first."""
    rules: list[ParameterRule] = []
    selections: Mapping[str, Selection] = result.selections
    for name in parameters_of(result.clause):
        selection = selections[name]
        rules.extend(rule for rule in selection.candidates if rule is not None)
        rules.extend(selection.also)
    return rules


def _dates_of(result: ClauseResult, first: ParameterRule | None) -> dict[str, Any]:
    clause = result.clause
    if isinstance(clause, Boundary):
        end = "valid_from" if clause.side == "opens" else "valid_to"
        return {end: clause.point.text, f"{end}_day": _day_document(clause.day)}
    return validity_document(first.validity if first else Validity())


def _day_document(day: MarkedDay | None) -> dict[str, str] | None:
    if day is None:
        return None
    return {"date": day.day.isoformat(), "source": day.source, "mark": day.mark}
