"""From the text of a rule to the expression tree, with its types checked.

The grammar is a small part of Python's expressions, read with Python's own parser and then
admitted node by node: facts by name, `rule.parameter`, `rule.table[fact]`, `rule.table.entry`,
comparisons, `and` `or` `not`, `in`, `any_of(a, b)`, `min(...)`, `+` `-`, and money `*` share.
Nothing is executed. Every mistake in a rule file is found when it is loaded, not when a firm asks.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Mapping
from typing import Any, get_args

import msgspec

from lionrock.programmes.domain.expressions import (
    Arithmetic,
    Compare,
    Constant,
    FactRef,
    Kind,
    Least,
    Logic,
    Member,
    Negation,
    Node,
    Overlap,
    RuleRef,
    kind_of,
)
from lionrock.programmes.domain.facts import Vocabulary
from lionrock.programmes.domain.parameters import ParameterKind

EXPRESSION_LENGTH_MAX = 600
_COMPARISONS: Mapping[type[ast.cmpop], str] = {
    ast.Lt: "<", ast.LtE: "<=", ast.Gt: ">", ast.GtE: ">=", ast.Eq: "==", ast.NotEq: "!=",
}
_ORDERED: tuple[Kind, ...] = ("money", "count")
_ENTRY_KINDS: Mapping[ParameterKind, Kind] = {
    "money_by_key": "money", "count_by_key": "count", "codes_by_key": "codes",
    "share_by_key": "share",
}


class RuleSyntaxError(ValueError):
    """A rule's text does not fit the grammar or its types; the message quotes the place."""


class Scope(msgspec.Struct, frozen=True):
    """What a rule may speak of: the facts, and the parameters that its scheme has."""

    vocabulary: Vocabulary
    parameter_kinds: Mapping[str, ParameterKind]


def compile_expression(text: str, scope: Scope, *, expected: Kind) -> Node:
    """Compile one expression of the expected type; RuleSyntaxError says what is wrong where."""
    if len(text) > EXPRESSION_LENGTH_MAX:
        raise RuleSyntaxError(f"an expression has at most {EXPRESSION_LENGTH_MAX} characters")
    try:
        tree = ast.parse(text, mode="eval")
    except (SyntaxError, ValueError, RecursionError) as error:
        raise RuleSyntaxError(f"not an expression: {text!r} ({error})") from None
    node = _Compiler(text, scope).compile(tree.body)
    if kind_of(node) != expected:
        raise RuleSyntaxError(f"{text!r} is a {kind_of(node)}, a {expected} is needed here")
    return node


class _Compiler:
    """Walks Python's tree once; every method admits one form and refuses the rest."""

    def __init__(self, text: str, scope: Scope) -> None:
        self._text = text
        self._scope = scope

    def compile(self, node: ast.expr) -> Node:
        """Return the admitted form of a Python expression."""
        forms: Mapping[type[ast.expr], Callable[[Any], Node]] = {
            ast.Constant: self._constant, ast.Name: self._fact, ast.Attribute: self._attribute,
            ast.Subscript: self._subscript, ast.Compare: self._compare, ast.BoolOp: self._logic,
            ast.UnaryOp: self._negation, ast.BinOp: self._arithmetic, ast.Call: self._call,
        }
        form = forms.get(type(node))
        if form is None:
            raise self._refuse(node, "this form is not part of the rule grammar")
        return form(node)

    def _refuse(self, node: ast.AST, why: str) -> RuleSyntaxError:
        place = ast.get_source_segment(self._text, node) or self._text
        return RuleSyntaxError(f"{why}: {place!r} in {self._text!r}")

    def _constant(self, node: ast.Constant) -> Node:
        value = node.value
        if isinstance(value, bool):
            return Constant("flag", value)
        if isinstance(value, int):
            return Constant("count", value)
        if isinstance(value, str):
            return Constant("code", value)
        raise self._refuse(node, "only true/false, whole numbers and codes are constants")

    def _fact(self, node: ast.Name) -> Node:
        definition = self._scope.vocabulary.definitions.get(node.id)
        if definition is None:
            raise self._refuse(node, "no such fact")
        return FactRef(definition.kind, node.id)

    def _parameter(self, node: ast.expr) -> tuple[str, ParameterKind] | None:
        """`rule.name`, or None when the node is something else."""
        is_rule = (
            isinstance(node, ast.Attribute)
            and isinstance(node.value, ast.Name)
            and node.value.id == "rule"
        )
        if not is_rule:
            return None
        assert isinstance(node, ast.Attribute)
        kind = self._scope.parameter_kinds.get(node.attr)
        if kind is None:
            raise self._refuse(node, "the scheme has no such parameter")
        return node.attr, kind

    def _attribute(self, node: ast.Attribute) -> Node:
        found = self._parameter(node)
        if found is None:
            return self._entry(node, node.value, Constant("code", node.attr))
        name, kind = found
        if kind == "ratio":
            return RuleRef("share", name)
        if kind not in get_args(Kind):
            raise self._refuse(node, f"a parameter of kind {kind} cannot be used whole")
        return RuleRef(kind, name)  # type: ignore[arg-type]  # checked against Kind just above

    def _subscript(self, node: ast.Subscript) -> Node:
        key = self.compile(node.slice)
        if kind_of(key) != "code":
            raise self._refuse(node, "the key of a table is a code")
        return self._entry(node, node.value, key)

    def _entry(self, node: ast.expr, table: ast.expr, key: Node) -> Node:
        found = self._parameter(table)
        if found is None or found[1] not in _ENTRY_KINDS:
            raise self._refuse(node, "only rule tables have entries")
        return RuleRef(_ENTRY_KINDS[found[1]], found[0], key)

    def _compare(self, node: ast.Compare) -> Node:
        if len(node.ops) != 1:
            raise self._refuse(node, "compare two values at a time")
        left, right = self.compile(node.left), self.compile(node.comparators[0])
        if isinstance(node.ops[0], ast.In | ast.NotIn):
            if kind_of(left) != "code" or kind_of(right) != "codes":
                raise self._refuse(node, "`in` needs a code and a list of codes")
            self._check_code(node, right, left)
            member = Member(left, right)
            return Negation(member) if isinstance(node.ops[0], ast.NotIn) else member
        op = _COMPARISONS.get(type(node.ops[0]))
        if op is None:
            raise self._refuse(node, "this comparison is not part of the rule grammar")
        if kind_of(left) != kind_of(right):
            raise self._refuse(node, f"a {kind_of(left)} is compared with a {kind_of(right)}")
        if op not in ("==", "!=") and kind_of(left) not in _ORDERED:
            raise self._refuse(node, f"a {kind_of(left)} has no order")
        self._check_code(node, left, right)
        return Compare(op, left, right)

    def _check_code(self, node: ast.AST, left: Node, right: Node) -> None:
        """A code written in a rule must be one that the fact can have."""
        for fact, constant in ((left, right), (right, left)):
            if isinstance(fact, FactRef) and isinstance(constant, Constant):
                definition = self._scope.vocabulary.definitions[fact.name]
                known = [code.code for code in definition.codes]
                if fact.kind in ("code", "codes") and constant.value not in known:
                    raise self._refuse(node, f"{constant.value!r} is not a code of {fact.name}")

    def _logic(self, node: ast.BoolOp) -> Node:
        arguments = tuple(self.compile(value) for value in node.values)
        if any(kind_of(argument) != "flag" for argument in arguments):
            raise self._refuse(node, "`and` and `or` join statements")
        return Logic("and" if isinstance(node.op, ast.And) else "or", arguments)

    def _negation(self, node: ast.UnaryOp) -> Node:
        argument = self.compile(node.operand)
        if not isinstance(node.op, ast.Not) or kind_of(argument) != "flag":
            raise self._refuse(node, "only `not` before a statement")
        return Negation(argument)

    def _arithmetic(self, node: ast.BinOp) -> Node:
        left, right = self.compile(node.left), self.compile(node.right)
        kinds = (kind_of(left), kind_of(right))
        if isinstance(node.op, ast.Mult):
            if kinds != ("money", "share"):
                raise self._refuse(node, "only money * share")
            return Arithmetic("money", "*", left, right)
        if kinds not in (("money", "money"), ("count", "count")):
            raise self._refuse(node, "only amounts with amounts and numbers with numbers")
        if isinstance(node.op, ast.Add):
            return Arithmetic(kinds[0], "+", left, right)
        if isinstance(node.op, ast.Sub):
            return Arithmetic(kinds[0], "-", left, right)
        raise self._refuse(node, "only +, - and *")

    def _call(self, node: ast.Call) -> Node:
        name = node.func.id if isinstance(node.func, ast.Name) else ""
        if node.keywords or name not in ("min", "any_of"):
            raise self._refuse(node, "only min(...) and any_of(a, b) can be called")
        arguments = tuple(self.compile(argument) for argument in node.args)
        kinds = {kind_of(argument) for argument in arguments}
        if name == "any_of":
            if len(arguments) != 2 or kinds != {"codes"}:
                raise self._refuse(node, "any_of needs two lists of codes")
            return Overlap(arguments[0], arguments[1])
        if len(arguments) < 2 or len(kinds) != 1 or not kinds <= set(_ORDERED):
            raise self._refuse(node, "min needs two or more of one ordered kind")
        return Least(kinds.pop(), arguments)
