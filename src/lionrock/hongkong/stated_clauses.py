"""Clauses made from what the data states about any scheme: window, audience, what is not stated.

An executable scheme has its rule file besides; for the others these clauses are all there is, and
their best answer is an honest "cannot tell" that says what the sources leave open.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date

from lionrock.hongkong import phrases
from lionrock.hongkong.seed_schemes import Reading, SeedScheme
from lionrock.kernel.i18n import Text
from lionrock.programmes import api as programmes
from lionrock.programmes.api import texts

SECTORS_DECIDE = frozenset({"dtspp"})  # elsewhere the sectors stated are those of investees


class SchemeSources:
    """What the clauses of one scheme are made from."""

    def __init__(
        self,
        seed: SeedScheme,
        reading: Reading,
        rules: Mapping[str, programmes.ParameterRule],
        place: programmes.Source,
        known_on: date,
    ) -> None:
        self.seed = seed
        self.reading = reading
        self.rules = rules
        self.place = place
        self.known_on = known_on

    def head(
        self, name: str, sentence: Text, *, note: str = "",
        rule: programmes.ParameterRule | None = None,
        basis: programmes.Basis = "fact_sheet",
    ) -> programmes.Head:
        """Return a clause head with the rule's source, or the scheme's place in the sheet."""
        return programmes.Head(
            id=f"{self.seed.id}.{name}", sentence=sentence, note=note,
            source=rule.source if rule else self.place,
            basis=rule.basis if rule else basis, mark=rule.mark if rule else "verified",
        )


def window_clauses(sources: SchemeSources) -> list[programmes.Clause]:
    """Return the clauses of opening, closing and planning; empty where no date is stated."""
    if sources.reading.is_planned:
        return [_planned(sources)]
    window = sources.reading.window
    if window is None:
        return []
    opens = programmes.parse_date_point(window.opens)
    day = None
    if window.marked_day_of:
        day = sources.rules[window.marked_day_of].validity.valid_from_day
        assert day is not None, f"{window.marked_day_of} has no marked day"
    head = sources.head("opens", _with_point(phrases.OPENS, opens))
    clauses: list[programmes.Clause] = [
        programmes.Boundary(head=head, side="opens", point=opens, day=day)
    ]
    if window.closes:
        closes = programmes.parse_date_point(window.closes)
        head = sources.head("closes", _with_point(phrases.CLOSES, closes))
        clauses.append(programmes.Boundary(head=head, side="closes", point=closes))
    if window.years_of:
        clauses.append(_end_after_years(sources, sources.rules[window.years_of], opens, day))
    if window.last_day_of:
        clauses.append(_last_day(sources, sources.rules[window.last_day_of]))
    return clauses


def audience_clauses(
    sources: SchemeSources, vocabulary: programmes.Vocabulary
) -> list[programmes.Clause]:
    """Return who the scheme is for, and in which sectors, as far as the sheet names them."""
    clauses: list[programmes.Clause] = []
    reading = sources.reading
    if reading.never_direct_rule:
        rule = sources.rules[reading.never_direct_rule]
        head = sources.head("direct", phrases.NEVER_DIRECT, rule=rule)
        clauses.append(programmes.NeverDirect(head=head, parameters=(rule.parameter,)))
    if reading.audience:
        text = _labels(reading.audience, "applicant_types", vocabulary, texts.OR)
        note = "the fact sheet's wording, mapped to codes by this project: "
        head = sources.head(
            "audience", texts.fill(phrases.AUDIENCE, {"audience": text}),
            note=note + (sources.seed.eligibility or ""), basis="derived_from_fact_sheet",
        )
        codes = programmes.Constant("codes", frozenset(reading.audience))
        test = programmes.Overlap(programmes.FactRef("codes", "applicant_types"), codes)
        clauses.append(
            programmes.Requirement(
                head=head, test=test, parameters=(), is_usual=reading.audience_is_open
            )
        )
    if sources.seed.id in SECTORS_DECIDE:
        clauses.append(_sectors(sources, vocabulary))
    return clauses


def unstated_clause(sources: SchemeSources, labels: Mapping[str, Text]) -> programmes.Clause:
    """Return what the sources leave open, which keeps the answer at "cannot tell"."""
    missing = [labels[phrase] for phrase in sources.seed.not_stated]
    text = texts.joined([*missing, phrases.ALL_CONDITIONS], texts.LIST)
    head = sources.head("unstated", texts.fill(phrases.UNSTATED, {"missing": text}))
    return programmes.Unstated(head=head)


def stated_rule_clauses(
    sources: SchemeSources,
    series: Mapping[str, tuple[programmes.ParameterRule, ...]],
    labels: Mapping[str, Text],
    used: frozenset[str],
) -> list[programmes.Clause]:
    """Return the parameters that a source states and no executable clause reads."""
    clauses: list[programmes.Clause] = []
    for name, rules in series.items():
        if name in used:
            continue
        value = texts.plain("{" + name + "}")
        sentence = texts.fill(phrases.STATED, {"label": labels[name], "value": value})
        head = sources.head(name, sentence, rule=rules[0], note=rules[0].note)
        clauses.append(programmes.StatedRule(head=head, parameter=name))
    return clauses


def _planned(sources: SchemeSources) -> programmes.Clause:
    day = texts.text_of_point(programmes.point_of_day(sources.known_on))
    sentence = texts.fill(
        phrases.PLANNED, {"day": day, "status": texts.plain(sources.seed.status)}
    )
    return programmes.Planned(head=sources.head("planned", sentence), known_on=sources.known_on)


def _end_after_years(
    sources: SchemeSources,
    rule: programmes.ParameterRule,
    opens: programmes.DatePoint,
    day: programmes.MarkedDay | None,
) -> programmes.Clause:
    """The end follows from the opening and the stated duration, as precisely as the opening."""
    closes = opens.plus_years(rule.value)
    head = sources.head(
        "closes", _with_point(phrases.CLOSES, closes), basis="derived_from_fact_sheet",
        note=f"opening plus the stated duration ({rule.id})",
    )
    return programmes.Boundary(
        head=head, side="closes", point=closes, day=day.plus_years(rule.value) if day else None
    )


def _last_day(sources: SchemeSources, rule: programmes.ParameterRule) -> programmes.Clause:
    """A stated last day to apply is inclusive; the boundary is the day after."""
    last = programmes.parse_date_point(rule.stated)
    head = sources.head("closes", _with_point(phrases.LAST_DAY, last), rule=rule)
    closes = programmes.point_of_day(programmes.day_after(last.last))
    return programmes.Boundary(head=head, side="closes", point=closes)


def _sectors(sources: SchemeSources, vocabulary: programmes.Vocabulary) -> programmes.Clause:
    rule = next(r for r in sources.rules.values() if r.parameter == "sectors")
    labels = _labels(rule.stated, "sectors", vocabulary, texts.LIST)
    head = sources.head("sectors", texts.fill(phrases.SECTORS, {"sectors": labels}), rule=rule)
    test = programmes.Overlap(
        programmes.FactRef("codes", "sectors"), programmes.RuleRef("codes", "sectors")
    )
    return programmes.Requirement(head=head, test=test, parameters=("sectors",))


def _with_point(template: Text, point: programmes.DatePoint) -> Text:
    return texts.fill(template, {"point": texts.text_of_point(point)})


def _labels(
    codes: list[str], fact: str, vocabulary: programmes.Vocabulary, separator: Text
) -> Text:
    known = {code.code: code.label for code in vocabulary.definitions[fact].codes}
    return texts.joined([known[code] for code in codes], separator)
