"""Charts as geometry."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamcalib.report import charts
from streamcalib.report.charts import bar_chart, line_chart, nice_numbers
from streamcalib.report.histogram import Bar

BOTTOM = charts.HEIGHT - charts.BOTTOM


def bars(*rows: int) -> list[Bar]:
    return [Bar(10 * number, 10 * number + 10, count) for number, count in enumerate(rows)]


def test_bars_stand_for_their_rows():
    """Heights are in proportion, feet on the axis, and the table says the same."""
    chart = bar_chart("n", "Title", "Text.", bars(10, 0, 40), lambda v: f"{v:.0f}", "units")
    first, second, third = chart.boxes
    assert third.height == pytest.approx(4 * first.height, abs=0.2)
    assert second.height == 0
    for box in chart.boxes:
        assert box.y + box.height == pytest.approx(BOTTOM, abs=0.15)
    assert chart.table == (
        ("0 to 10", "10", "20.0%"),
        ("10 to 20", "0", "0.0%"),
        ("20 to 30", "40", "80.0%"),
    )
    assert first.says == "0 to 10 units: 10 (20.0%)"


@given(st.lists(st.integers(0, 10**6), min_size=1, max_size=48).filter(any))
def test_every_bar_is_within_the_drawing(rows):
    """And the axis ends at whole numbers above the highest."""
    chart = bar_chart("n", "t", "x", bars(*rows), str, "u")
    for box in chart.boxes:
        assert charts.LEFT <= box.x <= box.x + box.width <= charts.WIDTH - charts.RIGHT + 0.2
        assert charts.TOP - 0.1 <= box.y <= BOTTOM + 0.1
    labels = [int(tick.label.replace(",", "")) for tick in chart.y_ticks]
    assert labels[0] == 0
    assert labels[-1] >= max(rows)
    assert labels == sorted(set(labels))


def test_lines_reach_from_end_to_end():
    """Places are on the x axis, the largest share at the top."""
    chart = line_chart("n", "t", "x", {"red": [0, 1, 2]}, {"red": [0.0, 0.5, 0.25]}, (0, 2))
    points = [tuple(map(float, point.split(","))) for point in chart.lines[0].points.split()]
    assert points[0] == (charts.LEFT, BOTTOM)
    assert points[1][1] == charts.TOP
    assert points[2] == (charts.WIDTH - charts.RIGHT, pytest.approx((charts.TOP + BOTTOM) / 2))
    assert chart.head == ("red, about", "share")
    assert chart.table[1] == ("1", "50.00%")


@pytest.mark.parametrize(
    ("low", "high", "expected"),
    [
        (0, 255, [0, 50, 100, 150, 200, 250]),
        (0, 1, [0, 0.2, 0.4, 0.6, 0.8, 1.0]),
        (-2.1, 2.6, [-2, -1, 0, 1, 2]),
        (3, 3, [3]),
    ],
)
def test_axes_are_divided_at_round_numbers(low, high, expected):
    """Few of them, and both ends where they are round."""
    assert nice_numbers(low, high) == pytest.approx(expected)
