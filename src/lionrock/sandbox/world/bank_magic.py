"""Magic amounts of the simulated banks: an amount that makes a bank misbehave in one known way.

The bank understands them, the platform never does: what they show is how the switch copes. They
hold for HKD and CNY alike. docs and GET /<bank>/magic list this table.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from enum import Enum

from lionrock.kernel.money import format_minor


class Behaviour(Enum):
    """What a bank does with a credit transfer."""

    NORMAL = "normal"
    REFUSE_CLOSED = "refuse_closed"
    REFUSE_BLOCKED = "refuse_blocked"
    REFUSE_LIMIT = "refuse_limit"
    SILENT = "silent"
    LATE = "late"
    TWICE = "twice"
    CONTRADICT = "contradict"
    BUSY_ONCE = "busy_once"
    REJECT_MESSAGE = "reject_message"


MAGIC_AMOUNTS: dict[int, Behaviour] = {
    9_02: Behaviour.REFUSE_LIMIT,
    9_04: Behaviour.REFUSE_CLOSED,
    9_06: Behaviour.REFUSE_BLOCKED,
    9_10: Behaviour.SILENT,
    9_11: Behaviour.LATE,
    9_12: Behaviour.TWICE,
    9_13: Behaviour.CONTRADICT,
    9_14: Behaviour.BUSY_ONCE,
    9_15: Behaviour.REJECT_MESSAGE,
}

MAGIC_WORDS: dict[Behaviour, str] = {
    Behaviour.REFUSE_CLOSED: "pacs.002 RJCT AC04: the account is closed",
    Behaviour.REFUSE_BLOCKED: "pacs.002 RJCT AC06: the account is blocked",
    Behaviour.REFUSE_LIMIT: "pacs.002 RJCT AM02: the amount is above the bank's limit",
    Behaviour.SILENT: "takes the message, credits nothing, never answers",
    Behaviour.LATE: "credits at once, answers only 90 s later",
    Behaviour.TWICE: "credits once, answers twice under two MsgIds",
    Behaviour.CONTRADICT: "credits, answers ACCC, then says RJCT under another MsgId",
    Behaviour.BUSY_ONCE: "answers 503 to the first try",
    Behaviour.REJECT_MESSAGE: "refuses the message with admi.002",
}

REASONS: dict[Behaviour, str] = {
    Behaviour.REFUSE_CLOSED: "AC04",
    Behaviour.REFUSE_BLOCKED: "AC06",
    Behaviour.REFUSE_LIMIT: "AM02",
}
LATE_S = 90


def magic_words(others: Iterable[Mapping[int, str]]) -> dict[str, str]:
    """Return what each magic amount does, by decimal string: these and the other desks'.

    One amount is magic in one way: AssertionError for two desks that claim the same.
    """
    words = {minor: MAGIC_WORDS[behaviour] for minor, behaviour in MAGIC_AMOUNTS.items()}
    for more in others:
        taken = words.keys() & more.keys()
        assert not taken, f"two desks understand {sorted(taken)}"
        words |= more
    return {format_minor(minor, "HKD"): words[minor] for minor in sorted(words)}


def behaviour_of(amount_minor: int) -> Behaviour:
    """Return what the bank does with this amount."""
    return MAGIC_AMOUNTS.get(amount_minor, Behaviour.NORMAL)
