"""Pictures that the server draws: shapes with numbers, which a template writes as SVG.

Pure. Not for: texts and colours (templates, the style sheet). Nothing here needs a script, and no
shape has a style of its own. Lengths are in the picture's own units.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

import msgspec

CHART_WIDTH = 640
LABEL_WIDTH = 190
ROW_HEIGHT = 30
BAR_HEIGHT = 14
LIFE_WIDTH = 720
LIFE_TOP = 46
LIFE_STEP = 34
_LANE_MARGIN = 90


class Bar(msgspec.Struct, frozen=True, kw_only=True):
    """One participant's position in one currency: what is free, then what is held."""

    label: str
    y: int
    text_y: int
    x: int
    available_width: int
    reserved_x: int
    reserved_width: int
    shown: str
    is_alerted: bool


class Chart(msgspec.Struct, frozen=True, kw_only=True):
    """Bars under one another, all at one scale."""

    width: int
    height: int
    bars: tuple[Bar, ...]


class Amount(msgspec.Struct, frozen=True, kw_only=True):
    """What a bar shows; minor units of one currency."""

    label: str
    available_minor: int
    reserved_minor: int
    shown: str
    is_alerted: bool


def position_chart(amounts: Sequence[Amount]) -> Chart:
    """Draw positions of one currency; the longest fills the width, nothing is narrower than 1."""
    room = CHART_WIDTH - LABEL_WIDTH - 10
    largest = max((each.available_minor + each.reserved_minor for each in amounts), default=0)

    def width(minor: int) -> int:
        return max(1, minor * room // largest) if minor > 0 and largest > 0 else 0

    bars = []
    for number, each in enumerate(amounts):
        top, available = number * ROW_HEIGHT, width(each.available_minor)
        bars.append(Bar(
            label=each.label, y=top + 4, text_y=top + 16, x=LABEL_WIDTH,
            available_width=available, reserved_x=LABEL_WIDTH + available,
            reserved_width=width(each.reserved_minor), shown=each.shown,
            is_alerted=each.is_alerted,
        ))  # fmt: skip
    return Chart(width=CHART_WIDTH, height=max(1, len(bars)) * ROW_HEIGHT, bars=tuple(bars))


class Step(msgspec.Struct, frozen=True, kw_only=True):
    """Something that happened at `at`: on the lane `source`, or from there to `target`.

    `rank` orders what happened at the same instant, as one transaction records several.
    """

    label: str
    at: datetime
    source: int
    target: int | None = None
    note: str = ""
    rank: int = 0


class Arrow(msgspec.Struct, frozen=True, kw_only=True):
    """A step in the picture; `x1` is `x2` for one that stays on its lane."""

    label: str
    note: str
    x1: int
    x2: int
    y: int
    text_x: int
    head: str
    seconds: str


class Lane(msgspec.Struct, frozen=True):
    """A line down the picture, one for each party."""

    label: str
    x: int


class Picture(msgspec.Struct, frozen=True, kw_only=True):
    """Lanes beside one another, steps in the order of time."""

    width: int
    height: int
    lanes: tuple[Lane, ...]
    arrows: tuple[Arrow, ...]


def life_picture(lanes: Sequence[str], steps: Sequence[Step]) -> Picture:
    """Draw who told whom what, in order; each step says how long after the first it was."""
    assert len(lanes) > 1, "one alone tells nobody"
    gap = (LIFE_WIDTH - 2 * _LANE_MARGIN) // (len(lanes) - 1)
    xs = [_LANE_MARGIN + number * gap for number in range(len(lanes))]
    ordered = sorted(steps, key=lambda step: (step.at, step.rank))
    arrows = []
    for number, step in enumerate(ordered):
        y = LIFE_TOP + (number + 1) * LIFE_STEP
        x1 = xs[step.source]
        x2 = xs[step.target] if step.target is not None else x1
        side = 1 if x2 > x1 else -1
        head = f"{x2},{y} {x2 - 8 * side},{y - 4} {x2 - 8 * side},{y + 4}" if x2 != x1 else ""
        elapsed = (step.at - ordered[0].at).total_seconds()
        arrows.append(Arrow(
            label=step.label, note=step.note, x1=x1, x2=x2, y=y, text_x=(x1 + x2) // 2,
            head=head, seconds=f"+{elapsed:.3f} s",
        ))  # fmt: skip
    return Picture(
        width=LIFE_WIDTH, height=LIFE_TOP + (len(ordered) + 1) * LIFE_STEP,
        lanes=tuple(Lane(label, x) for label, x in zip(lanes, xs, strict=True)),
        arrows=tuple(arrows),
    )  # fmt: skip
