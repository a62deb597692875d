"""One expression tree for every rule: small typed nodes over facts and dated parameters.

A value that is not known is `Unknown` with its reasons (which facts were not stated, which
parameters have no rule on the date), and unknowns spread by Kleene's logic: `a or b` is true when
either is, whatever the other. Money times a share is rounded down to the cent (our rounding rule,
stated in the README). No I/O, no clock; a tree is immutable once compiled by grammar.py.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from fractions import Fraction
from typing import Any, Literal

import msgspec

from lionrock.kernel.money import share_rounded_down
from lionrock.programmes.domain.facts import Facts

Kind = Literal["money", "count", "flag", "code", "codes", "share", "date"]
TypedValue = int | bool | str | Fraction | frozenset[str]


class Unknown(msgspec.Struct, frozen=True):
    """No value, and why: facts that were not stated, parameters without a rule on the date."""

    facts: frozenset[str] = frozenset()
    parameters: frozenset[str] = frozenset()


class Constant(msgspec.Struct, frozen=True):
    """A constant written in the rule."""

    kind: Kind
    value: TypedValue


class FactRef(msgspec.Struct, frozen=True):
    """A fact of the applicant."""

    kind: Kind
    name: str


class RuleRef(msgspec.Struct, frozen=True):
    """A dated parameter; `key` picks one entry of a table (a degree, a component)."""

    kind: Kind
    parameter: str
    key: Node | None = None


class Compare(msgspec.Struct, frozen=True):
    """left op right, op one of < <= > >= == !=."""

    op: str
    left: Node
    right: Node


class Member(msgspec.Struct, frozen=True):
    """Whether a code is in a list of codes."""

    item: Node
    codes: Node


class Overlap(msgspec.Struct, frozen=True):
    """Whether two lists of codes share one."""

    left: Node
    right: Node


class Logic(msgspec.Struct, frozen=True):
    """all of (and) or any of (or) the arguments."""

    op: Literal["and", "or"]
    arguments: tuple[Node, ...]


class Negation(msgspec.Struct, frozen=True):
    """not argument."""

    argument: Node


class Arithmetic(msgspec.Struct, frozen=True):
    """left + right, left - right, or money * share."""

    kind: Kind
    op: Literal["+", "-", "*"]
    left: Node
    right: Node


class Least(msgspec.Struct, frozen=True):
    """The smallest argument."""

    kind: Kind
    arguments: tuple[Node, ...]


Node = (
    Constant | FactRef | RuleRef | Compare | Member | Overlap | Logic | Negation | Arithmetic
    | Least
)
RuleValues = Mapping[str, Any]
"""Parameter name to its typed value in one possible world; absent when no rule is in force."""

_COMPARISONS: Mapping[str, Callable[[Any, Any], bool]] = {
    "<": lambda a, b: a < b,
    "<=": lambda a, b: a <= b,
    ">": lambda a, b: a > b,
    ">=": lambda a, b: a >= b,
    "==": lambda a, b: a == b,
    "!=": lambda a, b: a != b,
}


def kind_of(node: Node) -> Kind:
    """Return the static type of a node."""
    if isinstance(node, Constant | FactRef | RuleRef | Arithmetic | Least):
        return node.kind
    return "flag"


def evaluate(node: Node, facts: Facts, rules: RuleValues) -> Any:
    """Return the node's value, or `Unknown` with its reasons."""
    return _EVALUATORS[type(node)](node, facts, rules)


def references(node: Node) -> tuple[frozenset[str], frozenset[str]]:
    """Return the names of the facts and of the parameters that a tree reads."""
    if isinstance(node, FactRef):
        return frozenset({node.name}), frozenset()
    if isinstance(node, RuleRef):
        facts = references(node.key)[0] if node.key is not None else frozenset()
        return facts, frozenset({node.parameter})
    facts, parameters = frozenset[str](), frozenset[str]()
    for child in _children(node):
        more_facts, more_parameters = references(child)
        facts, parameters = facts | more_facts, parameters | more_parameters
    return facts, parameters


def _children(node: Node) -> tuple[Node, ...]:
    if isinstance(node, Compare | Overlap | Arithmetic):
        return (node.left, node.right)
    if isinstance(node, Member):
        return (node.item, node.codes)
    if isinstance(node, Logic | Least):
        return node.arguments
    return (node.argument,) if isinstance(node, Negation) else ()


def _literal(node: Constant, facts: Facts, rules: RuleValues) -> Any:
    return node.value


def _fact(node: FactRef, facts: Facts, rules: RuleValues) -> Any:
    if node.name not in facts:
        return Unknown(facts=frozenset({node.name}))
    return facts[node.name]


def _rule(node: RuleRef, facts: Facts, rules: RuleValues) -> Any:
    if node.parameter not in rules:
        return Unknown(parameters=frozenset({node.parameter}))
    value = rules[node.parameter]
    if node.key is None:
        return value
    key = evaluate(node.key, facts, rules)
    if isinstance(key, Unknown):
        return key
    if key not in value:
        # The table has no entry for this case: nothing is stated about it.
        return Unknown(parameters=frozenset({node.parameter}))
    return value[key]


def _compare(node: Compare, facts: Facts, rules: RuleValues) -> Any:
    left, right = evaluate(node.left, facts, rules), evaluate(node.right, facts, rules)
    unknown = _joined(left, right)
    return unknown if unknown is not None else _COMPARISONS[node.op](left, right)


def _member(node: Member, facts: Facts, rules: RuleValues) -> Any:
    item, codes = evaluate(node.item, facts, rules), evaluate(node.codes, facts, rules)
    unknown = _joined(item, codes)
    return unknown if unknown is not None else item in codes


def _overlap(node: Overlap, facts: Facts, rules: RuleValues) -> Any:
    left, right = evaluate(node.left, facts, rules), evaluate(node.right, facts, rules)
    unknown = _joined(left, right)
    return unknown if unknown is not None else not left.isdisjoint(right)


def _logic(node: Logic, facts: Facts, rules: RuleValues) -> Any:
    deciding = node.op == "or"  # `True or x` is True, `False and x` is False
    values = [evaluate(argument, facts, rules) for argument in node.arguments]
    if any(value is deciding for value in values):
        return deciding
    unknown = _joined(*values)
    return unknown if unknown is not None else not deciding


def _negation(node: Negation, facts: Facts, rules: RuleValues) -> Any:
    value = evaluate(node.argument, facts, rules)
    return value if isinstance(value, Unknown) else not value


def _arithmetic(node: Arithmetic, facts: Facts, rules: RuleValues) -> Any:
    left, right = evaluate(node.left, facts, rules), evaluate(node.right, facts, rules)
    unknown = _joined(left, right)
    if unknown is not None:
        return unknown
    if node.op == "*":
        return share_rounded_down(left, right)
    return left + right if node.op == "+" else left - right


def _least(node: Least, facts: Facts, rules: RuleValues) -> Any:
    values = [evaluate(argument, facts, rules) for argument in node.arguments]
    unknown = _joined(*values)
    return unknown if unknown is not None else min(values)


def _joined(*values: Any) -> Unknown | None:
    """All reasons of all unknown values together; None when every value is known."""
    unknowns = [value for value in values if isinstance(value, Unknown)]
    if not unknowns:
        return None
    return Unknown(
        facts=frozenset().union(*(u.facts for u in unknowns)),
        parameters=frozenset().union(*(u.parameters for u in unknowns)),
    )


_EVALUATORS: Mapping[type, Callable[[Any, Facts, RuleValues], Any]] = {
    Constant: _literal,
    FactRef: _fact,
    RuleRef: _rule,
    Compare: _compare,
    Member: _member,
    Overlap: _overlap,
    Logic: _logic,
    Negation: _negation,
    Arithmetic: _arithmetic,
    Least: _least,
}
