"""Reading Python for the house lints: names, strings, imports, nesting.

Not for: the rules themselves (tidy.py).
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import PurePosixPath
from typing import NamedTuple

_MONEY = re.compile(r"(?:^|_)(?:amount|amounts|money|minor|balance|price)(?:_|$)")
NESTING = (
    ast.If, ast.For, ast.AsyncFor, ast.While, ast.With, ast.AsyncWith, ast.Try, ast.TryStar,
    ast.Match,
)  # fmt: skip
FUNCTION = (ast.FunctionDef, ast.AsyncFunctionDef)
DEFINITION = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)


class Source(NamedTuple):
    """A file under inspection; `path` is relative to the repository, with slashes."""

    path: str
    text: str
    lines: list[str]
    tree: ast.Module
    nodes: list[ast.AST]

    @property
    def is_product(self) -> bool:
        """Whether it is part of the package."""
        return self.path.startswith("src/")

    @property
    def pillar(self) -> str:
        """The floor it stands on, such as "kernel"; "" outside the package."""
        parts = PurePosixPath(self.path).parts
        return parts[2] if self.is_product and len(parts) > 3 else ""

    def is_room(self, name: str) -> bool:
        """Whether it is the pillar's room of that name, as a file or inside a folder."""
        parts = PurePosixPath(self.path).parts
        return f"{name}.py" in parts or name in parts[2:]


def deepest(body: list[ast.stmt], depth: int = 0) -> int:
    """How many blocks stand inside each other at the deepest place."""
    found = depth
    for statement in body:
        if not isinstance(statement, NESTING):
            continue
        for inner in _blocks(statement):
            # `elif` is an If inside orelse to the parser and a sibling to the reader.
            is_else = isinstance(statement, ast.If) and inner is statement.orelse
            is_chain = is_else and len(inner) == 1 and isinstance(inner[0], ast.If)
            found = max(found, deepest(inner, depth if is_chain else depth + 1))
    return found


def _blocks(statement: ast.stmt) -> Iterator[list[ast.stmt]]:
    for name in ("body", "orelse", "finalbody"):
        yield getattr(statement, name, [])
    for name in ("handlers", "cases"):
        for part in getattr(statement, name, []):
            yield part.body


def dotted(node: ast.AST | None) -> str:
    """`a.b.c` of a name or attribute chain, "" for anything else."""
    if isinstance(node, ast.Name):
        return node.id
    if isinstance(node, ast.Attribute):
        owner = dotted(node.value)
        return f"{owner}.{node.attr}" if owner else ""
    return ""


def imported(node: ast.AST) -> list[str]:
    """The modules (and, for `from`, their members) that an import statement names."""
    if isinstance(node, ast.Import):
        return [alias.name for alias in node.names]
    if isinstance(node, ast.ImportFrom) and node.module and not node.level:
        return [node.module, *(f"{node.module}.{alias.name}" for alias in node.names)]
    return []


def source_of(path: str, text: str) -> Source:
    """Read a file once: every rule looks at the same nodes."""
    tree = ast.parse(text)
    return Source(path, text, text.splitlines(), tree, list(ast.walk(tree)))


def strings(nodes: list[ast.AST]) -> Iterator[tuple[int, str]]:
    """Every string that is not a docstring, f-strings with {} for their values."""
    documentation = {
        id(node.body[0].value)
        for node in nodes
        if isinstance(node, (*DEFINITION, ast.Module))
        and node.body and isinstance(node.body[0], ast.Expr)
    }  # fmt: skip
    joined = [node for node in nodes if isinstance(node, ast.JoinedStr)]
    skipped = documentation | {id(value) for node in joined for value in node.values}
    for node in nodes:
        if isinstance(node, ast.JoinedStr):
            parts = [v.value if isinstance(v, ast.Constant) else "{}" for v in node.values]
            yield node.lineno, "".join(map(str, parts))
            continue
        value = node.value if isinstance(node, ast.Constant) else None
        if isinstance(value, str) and id(node) not in skipped:
            yield getattr(node, "lineno", 1), value


def looks_like_sql(text: str) -> bool:
    """Whether a string holds a word of SQL in capitals."""
    return bool(re.search(r"\b(?:SELECT|INSERT|UPDATE|DELETE|WHERE|VALUES|DEFAULT)\b", text))


def says_money(*nodes: ast.AST) -> bool:
    """Whether a name inside is one of an amount, e.g. `order.amount_minor`."""
    names = (dotted(each).rsplit(".", 1)[-1] for node in nodes for each in ast.walk(node))
    return any(is_money(name) for name in names)


def is_money(name: str) -> bool:
    """Whether a name is one of an amount."""
    return _MONEY.search(name) is not None


def has_float(*nodes: ast.AST) -> bool:
    """Whether one of them is a float literal."""
    return any(isinstance(node, ast.Constant) and type(node.value) is float for node in nodes)
