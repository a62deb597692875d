"""The scheme book of Hong Kong: seed facts, our reading and the rule files, compiled once.

Checked when loaded: 61 schemes, every one with a reading in three languages, every parameter with a
kind, every code in the vocabulary, every rule file compiled. A mistake stops the start; nothing is
skipped.
"""

from __future__ import annotations

import functools
import hashlib
from collections.abc import Mapping
from datetime import date
from typing import Any

import msgspec

from lionrock.hongkong.packaged import (
    Location,
    PackagedDataError,
    bound_together,
    read_bytes,
    read_json,
    rule_file_names,
)
from lionrock.hongkong.seed_schemes import (
    FactTable,
    ParameterTable,
    Reading,
    Readings,
    SeedDay,
    SeedRule,
    SeedScheme,
    SeedSchemes,
)
from lionrock.hongkong.stated_clauses import (
    SchemeSources,
    audience_clauses,
    stated_rule_clauses,
    unstated_clause,
    window_clauses,
)
from lionrock.kernel.i18n import Text
from lionrock.programmes import api as programmes

SCHEMES_COUNT = 61
_DATA_FILES = ("schemes.json", "readings.json", "facts.json", "parameters.json")


@functools.cache
def scheme_book() -> programmes.SchemeBook:
    """Return the compiled book; PackagedDataError or RuleFileError when the package is damaged."""
    seed = read_json("schemes.json", SeedSchemes)
    readings = {r.id: r for r in read_json("readings.json", Readings).readings}
    table = read_json("parameters.json", ParameterTable)
    if len(seed.schemes) != SCHEMES_COUNT or readings.keys() != {s.id for s in seed.schemes}:
        raise PackagedDataError(f"readings.json: one reading for each of {SCHEMES_COUNT} schemes")
    revision = date.fromisoformat(seed.revision_date)
    maker = _SchemeMaker(vocabulary(), table, seed.source_title, revision)
    schemes = {scheme.id: maker.make(scheme, readings[scheme.id]) for scheme in seed.schemes}
    unknown = maker.rule_texts.keys() - schemes.keys()
    if unknown:
        raise PackagedDataError(f"rule files for schemes that do not exist: {sorted(unknown)}")
    content = bound_together((*_DATA_FILES, *rule_file_names()))
    return programmes.SchemeBook(
        title=seed.source_title, revision_date=revision, schemes=schemes,
        digest=hashlib.sha256(content).hexdigest(), content=content,
        vocabulary=maker.vocabulary, parameters=maker.parameters,
    )


@functools.cache
def vocabulary() -> programmes.Vocabulary:
    """Return the FACTS table."""
    definitions: dict[str, programmes.FactDefinition] = {}
    for row in read_json("facts.json", FactTable).facts:
        if row.name in definitions or not programmes.is_fact_name(row.name):
            raise PackagedDataError(f"facts.json: {row.name!r} is twice there or not a name")
        codes = tuple(programmes.Code(c.code, c.label, tuple(c.aliases)) for c in row.codes)
        definitions[row.name] = programmes.FactDefinition(
            name=row.name, kind=row.kind, unit=row.unit, question=row.question, codes=codes,
            favourable=row.favourable, years_since=row.years_since,
        )
    return programmes.Vocabulary(definitions)


class _SchemeMaker:
    """Turns one seed scheme and its reading into a compiled scheme."""

    def __init__(
        self,
        facts: programmes.Vocabulary,
        table: ParameterTable,
        sheet_title: str,
        revision: date,
    ) -> None:
        self.vocabulary = facts
        self.parameters = {p.name: p for p in table.parameters}
        self.labels = {p.name: p.label for p in table.parameters}
        self.not_stated = {p.phrase: p.label for p in table.not_stated}
        self.revision = revision
        self._sheet = programmes.Source(
            document=sheet_title, revision_date=revision.isoformat()
        )
        self._aliases = {
            alias: code.code
            for definition in facts.definitions.values()
            for code in definition.codes
            for alias in code.aliases
        }
        self.rule_texts = {
            name.removeprefix("rules/").removesuffix(".toml"): name for name in rule_file_names()
        }

    def make(self, seed: SeedScheme, reading: Reading) -> programmes.Scheme:
        """Return the compiled scheme."""
        rules = _beginning_with_the_scheme(
            {rule.id: self._rule(rule) for rule in seed.rules}, reading
        )
        series: dict[str, tuple[programmes.ParameterRule, ...]] = {}
        for rule in rules.values():
            series[rule.parameter] = (*series.get(rule.parameter, ()), rule)
        sources = SchemeSources(seed, reading, rules, self._place(seed.location), self.revision)
        clauses = [
            *window_clauses(sources), *audience_clauses(sources, self.vocabulary)
        ]
        compiled = self._compiled(seed.id, series)
        if compiled is not None:
            clauses.extend(compiled.clauses)
        else:
            clauses.append(unstated_clause(sources, self.not_stated))
        used = frozenset(n for clause in clauses for n in programmes.parameters_of(clause))
        clauses.extend(stated_rule_clauses(sources, series, self.labels, used))
        return programmes.Scheme(
            id=seed.id, record=self._record(seed, reading), series=series,
            clauses=tuple(clauses), amount=compiled.amount if compiled else None,
            is_executable=compiled is not None, vocabulary=self.vocabulary,
        )

    def _compiled(
        self, scheme_id: str, series: Mapping[str, tuple[programmes.ParameterRule, ...]]
    ) -> programmes.CompiledRules | None:
        name = self.rule_texts.get(scheme_id)
        if name is None:
            return None
        compiled = programmes.compile_rule_file(
            read_bytes(name), file_name=name, vocabulary=self.vocabulary, series=series,
            sheet=self._sheet,
        )
        if compiled.scheme_id != scheme_id:
            raise PackagedDataError(f"{name}: is about {compiled.scheme_id}")
        return compiled

    def _rule(self, seed: SeedRule) -> programmes.ParameterRule:
        definition = self.parameters.get(seed.parameter)
        if definition is None:
            raise PackagedDataError(f"{seed.id}: no kind for parameter {seed.parameter}")
        kind = programmes.kind_of_stated(definition.kind, seed.value)
        stated = self._canonical(seed.value) if kind in ("codes", "codes_by_key") else seed.value
        place = self._place(seed.location) if seed.location else None
        return programmes.ParameterRule(
            id=seed.id, parameter=seed.parameter, kind=kind, stated=stated,
            value=programmes.typed_value(kind, stated), unit=seed.unit,
            validity=_validity(seed), basis=seed.basis, mark=seed.mark,
            source=place or programmes.Source(address=seed.source), note=seed.note,
        )

    def _canonical(self, stated: Any) -> Any:
        """Replace the seed's other spellings of a code by the vocabulary's."""
        if isinstance(stated, dict):
            return {key: self._canonical(words) for key, words in stated.items()}
        return [self._aliases.get(word, word) for word in stated]

    def _place(self, location: Location) -> programmes.Source:
        return programmes.Source(
            document=self._sheet.document, revision_date=self._sheet.revision_date,
            section=location.section, bullet=location.bullet,
        )

    def _record(self, seed: SeedScheme, reading: Reading) -> programmes.SchemeRecord:
        return programmes.SchemeRecord(
            name=_with_english(reading.name, seed.name), name_basis=reading.name_basis,
            summary=reading.summary, abbreviation=seed.abbreviation or "", kind=seed.kind,
            status=seed.status, owner=seed.owner or "", owner_basis=seed.owner_basis,
            eligibility=seed.eligibility or "", dates=seed.dates,
            source=self._place(seed.location), quantities=tuple(seed.quantities),
            not_stated=tuple(seed.not_stated), further_facts=tuple(seed.beyond_fact_sheet),
            note=seed.note,
        )


def _beginning_with_the_scheme(
    rules: dict[str, programmes.ParameterRule], reading: Reading
) -> dict[str, programmes.ParameterRule]:
    """A rule that starts in the month in which its scheme opened starts with the scheme.

    So where a marked source gives the day of opening, it gives the day of those rules too. This is
    our reading; it is used only in the second answer, beside the one from the months alone.
    """
    window = reading.window
    if window is None or not window.marked_day_of:
        return rules
    day = rules[window.marked_day_of].validity.valid_from_day
    opens = programmes.parse_date_point(window.opens)
    return {
        rule_id: msgspec.structs.replace(
            rule, validity=msgspec.structs.replace(rule.validity, valid_from_day=day)
        ) if rule.validity.valid_from == opens else rule
        for rule_id, rule in rules.items()
    }


def _with_english(name: Text, seed_name: str) -> Text:
    if name.en != seed_name:
        raise PackagedDataError(f"readings.json: {name.en!r} is {seed_name!r} in the seed")
    return name


def _validity(seed: SeedRule) -> programmes.Validity:
    point = programmes.parse_date_point
    return programmes.Validity(
        valid_from=point(seed.valid_from) if seed.valid_from else None,
        valid_to=point(seed.valid_to) if seed.valid_to else None,
        valid_from_day=_day(seed.valid_from_day), valid_to_day=_day(seed.valid_to_day),
        seen_on=date.fromisoformat(seed.seen_on) if seed.seen_on else None,
        last_seen_on=date.fromisoformat(seed.last_seen_on) if seed.last_seen_on else None,
    )


def _day(seed: SeedDay | None) -> programmes.MarkedDay | None:
    if seed is None:
        return None
    return programmes.MarkedDay(date.fromisoformat(seed.date), seed.source, seed.mark)


def decide_json(
    scheme_id: str, facts: programmes.Facts, on: date, lang: str
) -> dict[str, Any] | None:
    """Return one decision as {"answer", "amount", "clauses", ...}; None for an unknown scheme.

    `scheme_id` is an id (nias) or an abbreviation (NIAS, Manufacturing+).
    """
    scheme = scheme_book().scheme_named(scheme_id)
    if scheme is None:
        return None
    decision = programmes.decide(scheme, facts, on)
    return programmes.decision_document(scheme_book(), decision, lang)


def navigate_json(facts: programmes.Facts, on: date, lang: str) -> dict[str, Any]:
    """Return the decisions of all schemes, ranked: {"on", "counts", "decisions": [...]}."""
    decisions = programmes.Navigator(scheme_book()).navigate(facts, on)
    return programmes.navigation_document(scheme_book(), decisions, on, lang)
