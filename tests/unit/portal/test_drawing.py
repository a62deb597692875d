"""Pictures say what happened, in order and to scale."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from lionrock.portal.drawing import (
    CHART_WIDTH,
    LABEL_WIDTH,
    Amount,
    Step,
    life_picture,
    position_chart,
)

AT = datetime(2026, 3, 2, 9, tzinfo=UTC)


def amount(available_minor: int, reserved_minor: int = 0) -> Amount:
    """A position."""
    return Amount(label="Bank", available_minor=available_minor, reserved_minor=reserved_minor,
                  shown="", is_alerted=False)  # fmt: skip


def test_bars_share_one_scale_and_stay_within_the_picture() -> None:
    chart = position_chart([amount(100, 100), amount(50), amount(1, 0), amount(0, 0)])
    full, quarter, least, nothing = chart.bars
    assert full.available_width == full.reserved_width
    assert abs(full.available_width + full.reserved_width - 4 * quarter.available_width) <= 4
    assert least.available_width >= 1 and nothing.available_width == 0
    for bar in chart.bars:
        assert bar.x + bar.available_width + bar.reserved_width <= CHART_WIDTH
        assert bar.reserved_x == LABEL_WIDTH + bar.available_width


def test_a_chart_of_nothing_is_drawn() -> None:
    assert position_chart([]).bars == () and position_chart([]).height > 0


def test_steps_stand_in_the_order_of_time_then_of_rank() -> None:
    picture = life_picture(["a", "b"], [
        Step(label="end", at=AT + timedelta(milliseconds=1500), source=1),
        Step(label="second", at=AT, source=1, rank=1),
        Step(label="first", at=AT, source=0, target=1),
    ])
    assert [arrow.label for arrow in picture.arrows] == ["first", "second", "end"]
    assert [arrow.seconds for arrow in picture.arrows] == ["+0.000 s", "+0.000 s", "+1.500 s"]
    told, alone, _ = picture.arrows
    assert told.head and told.x1 < told.x2 and not alone.head and alone.x1 == alone.x2
    assert all(arrow.y < picture.height for arrow in picture.arrows)
