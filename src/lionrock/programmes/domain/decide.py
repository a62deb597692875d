"""One firm, one scheme, one date: yes, no or cannot tell, with every clause and its reasons.

Where the dates of rules do not decide, every possible world is tried: a clause on which all worlds
agree is decided, whichever rule was in force. The amount is the least of the limits, and is given
only when every world gives the same. It may be conditional: when only facts of the applicant are
open, it is what the scheme would give, and `assumed` names what was taken as favourable.

Invariants: pure; an answer of `yes` never rests on an assumption; adding a fact never turns `yes`
into `no` or back (Kleene monotony); an amount is never negative and never above a limit that holds.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from typing import Any

import msgspec

from lionrock.programmes.domain.clauses import (
    INFORMING,
    Addition,
    Boundary,
    Clause,
    Limit,
    NeverDirect,
    Planned,
    Requirement,
    Scheme,
    StatedRule,
    parameters_of,
)
from lionrock.programmes.domain.dates import MarkedDay, Passed, boundary_passed
from lionrock.programmes.domain.expressions import Unknown, evaluate, references
from lionrock.programmes.domain.facts import Facts, FactValue
from lionrock.programmes.domain.parameters import Selection, select, uncertain_days
from lionrock.programmes.domain.truth import Answer, all_of, same_or_cannot_tell

WORLDS_MAX = 64
_NOTHING = Unknown()


class ClauseResult(msgspec.Struct, frozen=True, kw_only=True):
    """What one clause says to these facts on this date.

    `missing_facts` and `open_parameters` are the reasons of a `cannot_tell`; `amount_minor` is what
    a limit or addition comes to, in cents; `bites` marks the limit that sets the amount.
    """

    clause: Clause
    outcome: Answer
    applies: bool = True
    selections: Mapping[str, Selection] = msgspec.field(default_factory=dict)
    missing_facts: tuple[str, ...] = ()
    open_parameters: tuple[str, ...] = ()
    amounts_minor: tuple[int, ...] = ()
    bites: bool = False

    @property
    def decides(self) -> bool:
        """Whether the answer depends on this clause."""
        return self.applies and not isinstance(self.clause, INFORMING)

    @property
    def amount_minor(self) -> int | None:
        """The amount in cents when only one is possible."""
        return self.amounts_minor[0] if len(self.amounts_minor) == 1 else None


class Reading(msgspec.Struct, frozen=True, kw_only=True):
    """An answer under one way of reading the dates. `amount_minor` is in cents."""

    answer: Answer
    amount_minor: int | None
    assumed: tuple[str, ...]
    clauses: tuple[ClauseResult, ...]


class MarkedReading(msgspec.Struct, frozen=True):
    """The answer if exact days from other (marked) sources are used, and which days those are."""

    reading: Reading
    days: tuple[MarkedDay, ...]


class Decision(msgspec.Struct, frozen=True, kw_only=True):
    """The answer for one scheme; `with_marked_days` shows the second reading where there is one."""

    scheme: Scheme
    on: date
    answer: Answer
    amount_minor: int | None
    assumed: tuple[str, ...]
    clauses: tuple[ClauseResult, ...]
    with_marked_days: MarkedReading | None = None


def decide(scheme: Scheme, facts: Facts, on: date) -> Decision:
    """Return the decision of a scheme on a firm's facts on a date; pure, never raises for facts."""
    completed = scheme.vocabulary.complete(facts, on)
    plain = _read(scheme, completed, on, use_marked_days=False)
    marked = None
    if plain.answer is Answer.CANNOT_TELL:
        days = _settling_days(plain.clauses, on)
        if days:
            marked = MarkedReading(_read(scheme, completed, on, use_marked_days=True), days)
    return Decision(
        scheme=scheme, on=on, answer=plain.answer, amount_minor=plain.amount_minor,
        assumed=plain.assumed, clauses=plain.clauses, with_marked_days=marked,
    )


def _read(scheme: Scheme, facts: Facts, on: date, *, use_marked_days: bool) -> Reading:
    selections = {
        name: select(series, on, use_marked_days=use_marked_days)
        for name, series in scheme.series.items()
    }
    results, amounts = _judge_all(scheme, facts, on, selections, use_marked_days)
    answer = all_of(result.outcome for result in results if result.decides)
    assert answer is not Answer.YES or scheme.is_executable, "nothing that could say yes is stated"
    amount_minor: int | None = None
    assumed: tuple[str, ...] = ()
    supposed = results
    if answer is Answer.YES and amounts is not None:
        assert len(amounts) == 1, "a yes settles its amount"
        amount_minor = amounts[0]
    elif answer is Answer.CANNOT_TELL and scheme.is_executable:
        favourable = _favourable_values(scheme, facts)
        supposed, amounts = _judge_all(
            scheme, {**favourable, **facts}, on, selections, use_marked_days
        )
        amount_minor = _conditional_amount(supposed, amounts)
        assumed = tuple(sorted(favourable)) if amount_minor is not None else ()
    assert amount_minor is None or amount_minor >= 0, "support is never negative"
    assert answer is not Answer.YES or not assumed, "a yes rests on no assumption"
    return Reading(
        answer=answer, amount_minor=amount_minor, assumed=assumed,
        clauses=tuple(
            _mark_bite(result, limited_to.amount_minor, amount_minor)
            for result, limited_to in zip(results, supposed, strict=True)
        ),
    )


def _judge_all(
    scheme: Scheme,
    facts: Facts,
    on: date,
    selections: Mapping[str, Selection],
    use_marked_days: bool,
) -> tuple[list[ClauseResult], tuple[int, ...] | None]:
    """Judge every clause, then settle the limits together; also the amounts they may leave."""
    results = [
        _judge(clause, facts, on, selections, use_marked_days) for clause in scheme.clauses
    ]
    amounts = _least_amounts(results)
    return [_settle_limit(result, amounts) for result in results], amounts


def _judge(
    clause: Clause,
    facts: Facts,
    on: date,
    selections: Mapping[str, Selection],
    use_marked_days: bool,
) -> ClauseResult:
    """Judge one clause; a clause of a kind without a test is decided by the date alone."""
    used = {name: selections[name] for name in parameters_of(clause)}
    if isinstance(clause, Requirement):
        return _judge_requirement(clause, facts, used)
    if isinstance(clause, Limit | Addition):
        return _judge_amount(clause, facts, used)
    if isinstance(clause, Boundary):
        passed = boundary_passed(clause.point, clause.day, on, use_marked_days)
        return ClauseResult(clause=clause, outcome=_window_outcome(clause.side, passed))
    if isinstance(clause, Planned):
        outcome = Answer.NO if on <= clause.known_on else Answer.CANNOT_TELL
        return ClauseResult(clause=clause, outcome=outcome)
    if isinstance(clause, NeverDirect):
        return ClauseResult(clause=clause, outcome=Answer.NO, selections=used)
    if isinstance(clause, StatedRule):
        applies = used[clause.parameter].candidates != (None,)
        outcome = Answer.YES if used[clause.parameter].is_certain else Answer.CANNOT_TELL
        return ClauseResult(clause=clause, outcome=outcome, applies=applies, selections=used)
    return ClauseResult(clause=clause, outcome=Answer.CANNOT_TELL)


def _window_outcome(side: str, passed: Passed) -> Answer:
    if passed is Passed.UNKNOWN:
        return Answer.CANNOT_TELL
    return Answer.YES if (passed is Passed.YES) == (side == "opens") else Answer.NO


def _worlds(used: Mapping[str, Selection]) -> Iterator[dict[str, Any]]:
    """Every way the open dates may have fallen: parameter name to value, absent without a rule."""
    names = list(used)
    choices = [used[name].candidates for name in names]
    for count, chosen in enumerate(itertools.product(*choices)):
        assert count < WORLDS_MAX, "too many rules open at once"
        yield {n: rule.value for n, rule in zip(names, chosen, strict=True) if rule is not None}


def _judge_requirement(
    clause: Requirement, facts: Facts, used: Mapping[str, Selection]
) -> ClauseResult:
    outcomes: list[Answer] = []
    applies: list[bool] = []
    reasons: list[Unknown] = []
    for world in _worlds(used):
        outcome, applied, reason = _requirement_in_world(clause, facts, world)
        outcomes.append(outcome)
        applies.append(applied)
        reasons.append(reason)
    outcome = same_or_cannot_tell(outcomes)
    open_parameters = frozenset[str]().union(*(reason.parameters for reason in reasons))
    if len(set(outcomes)) > 1:
        open_parameters |= {name for name, chosen in used.items() if not chosen.is_certain}
    is_open = outcome is Answer.CANNOT_TELL
    missing = frozenset[str]().union(*(reason.facts for reason in reasons))
    return ClauseResult(
        clause=clause, outcome=outcome, applies=any(applies), selections=used,
        missing_facts=tuple(sorted(missing)) if is_open else (),
        open_parameters=tuple(sorted(open_parameters)) if is_open else (),
    )


def _requirement_in_world(
    clause: Requirement, facts: Facts, world: Mapping[str, Any]
) -> tuple[Answer, bool, Unknown]:
    """Return the outcome, whether the clause applies, and why it is open."""
    if clause.absent == "not_applied" and any(name not in world for name in clause.parameters):
        return Answer.YES, False, _NOTHING
    applies = True if clause.when is None else evaluate(clause.when, facts, world)
    if applies is False:
        return Answer.YES, False, _NOTHING
    value = evaluate(clause.test, facts, world)
    if value is True:
        return Answer.YES, True, _NOTHING
    if isinstance(applies, Unknown):
        return Answer.CANNOT_TELL, True, applies
    if isinstance(value, Unknown):
        return Answer.CANNOT_TELL, True, value
    return (Answer.CANNOT_TELL if clause.is_usual else Answer.NO), True, _NOTHING


def _judge_amount(
    clause: Limit | Addition, facts: Facts, used: Mapping[str, Selection]
) -> ClauseResult:
    if isinstance(clause, Addition) and not _any_rule(used):
        return ClauseResult(clause=clause, outcome=Answer.NO, selections=used)
    expression = clause.at_most if isinstance(clause, Limit) else clause.adds
    amounts: set[int] = set()
    reasons: list[Unknown] = []
    is_left_out = False
    for world in _worlds(used):
        applies = True if clause.when is None else evaluate(clause.when, facts, world)
        value = evaluate(expression, facts, world) if applies is True else applies
        if value is False:
            is_left_out = True
        elif isinstance(value, Unknown):
            reasons.append(value)
        else:
            amounts.add(max(0, value))
    if is_left_out and not amounts and not reasons:
        outcome = Answer.NO if isinstance(clause, Addition) else Answer.YES
        return ClauseResult(clause=clause, outcome=outcome, applies=False, selections=used)
    open_parameters = frozenset[str]().union(*(reason.parameters for reason in reasons))
    if len(amounts) > 1 or (amounts and (reasons or is_left_out)):
        open_parameters |= {name for name, chosen in used.items() if not chosen.is_certain}
    is_known = not reasons and not is_left_out
    outcome = Answer.CANNOT_TELL
    if is_known and len(amounts) == 1:
        outcome = Answer.YES if amounts != {0} else Answer.NO
    return ClauseResult(
        clause=clause, outcome=outcome, selections=used,
        missing_facts=tuple(sorted(frozenset[str]().union(*(r.facts for r in reasons)))),
        open_parameters=tuple(sorted(open_parameters)),
        amounts_minor=tuple(sorted(amounts)) if is_known else (),
    )


def _any_rule(used: Mapping[str, Selection]) -> bool:
    return any(chosen.candidates != (None,) for chosen in used.values())


def _least_amounts(results: Sequence[ClauseResult]) -> tuple[int, ...] | None:
    """Every amount that the limits may leave, in cents; None when a limit is unknown or none is."""
    limits = [r for r in results if isinstance(r.clause, Limit) and r.applies]
    if not limits or any(not result.amounts_minor for result in limits):
        return None
    choices = [result.amounts_minor for result in limits]
    return tuple(sorted({min(chosen) for chosen in itertools.product(*choices)}))


def _settle_limit(result: ClauseResult, amounts: tuple[int, ...] | None) -> ClauseResult:
    """A limit whose date is open does not matter when the amount is the same either way."""
    is_open_limit = isinstance(result.clause, Limit) and len(result.amounts_minor) > 1
    if not is_open_limit or amounts is None or len(amounts) != 1 or amounts == (0,):
        return result
    return msgspec.structs.replace(result, outcome=Answer.YES, open_parameters=())


def _mark_bite(
    result: ClauseResult, limit_minor: int | None, amount_minor: int | None
) -> ClauseResult:
    """Mark a limit that comes to the amount: the caps that are named when they bite."""
    if not isinstance(result.clause, Limit) or amount_minor is None or limit_minor is None:
        return result
    return msgspec.structs.replace(result, bites=limit_minor == amount_minor)


def _conditional_amount(
    results: Sequence[ClauseResult], amounts: tuple[int, ...] | None
) -> int | None:
    """The amount under favourable facts, if all that stays open is what was not stated.

    None when a rule is open, when a committee must decide, or when nothing would be left.
    """
    opened = [r for r in results if r.decides and r.outcome is not Answer.YES]
    only_facts = all(
        r.outcome is Answer.CANNOT_TELL and r.missing_facts and not r.open_parameters
        for r in opened
    )
    if not only_facts or amounts is None or len(amounts) != 1 or amounts == (0,):
        return None
    return amounts[0]


def _favourable_values(scheme: Scheme, facts: Facts) -> dict[str, FactValue]:
    values: dict[str, FactValue] = {}
    for clause in scheme.clauses:
        if not isinstance(clause, Limit):
            continue
        names = references(clause.at_most)[0]
        names |= references(clause.when)[0] if clause.when is not None else frozenset()
        for name in names - facts.keys():
            value = scheme.vocabulary.definitions[name].favourable
            if value is not None:
                values[name] = value
    return values


def _settling_days(results: Sequence[ClauseResult], on: date) -> tuple[MarkedDay, ...]:
    """Marked days that settle what is open, from the boundaries and rules that are uncertain."""
    days: list[MarkedDay] = []
    for result in results:
        clause = result.clause
        if isinstance(clause, Boundary) and result.outcome is Answer.CANNOT_TELL and clause.day:
            days.append(clause.day)
        for selection in result.selections.values():
            if not selection.is_certain:
                days.extend(uncertain_days(selection.candidates))
    return tuple(dict.fromkeys(days))
