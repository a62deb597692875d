"""Which queries only read, so that they need no transaction around them (kernel.late).

Not for: deciding what a query may do; that is the database's.
"""

from __future__ import annotations

import re
from functools import lru_cache

# What may stand before a parenthesis in a plain read: words of SQL, and functions without effect.
_HARMLESS = frozenset({
    "all", "and", "any", "array", "array_agg", "as", "by", "coalesce", "count", "exists", "filter",
    "from", "get_byte", "in", "jsonb_agg", "length", "max", "min", "not", "on", "or", "sum",
    "unnest", "where",
})  # fmt: skip
_CALLED = re.compile(r"([\w.\"]+)\s*\(")
_HOLDS = re.compile(r"\bfor\s+(no\s+key\s+)?(key\s+)?(update|share)\b|\binto\b|;")
_QUERIES_KNOWN_MAX = 4_096


@lru_cache(maxsize=_QUERIES_KNOWN_MAX)
def is_plain_read(query: str) -> bool:
    """Say whether a query only reads: a SELECT that holds no row and calls no unknown function.

    What is not certain counts as no, and begins a transaction.
    """
    text = query.lower()
    if not text.startswith("select ") or _HOLDS.search(text) is not None:
        return False
    return all(name in _HARMLESS for name in _CALLED.findall(text))
