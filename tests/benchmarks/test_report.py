"""The table and the JSON."""

from __future__ import annotations

import json

from benchmarks.report import results, table, write_results
from benchmarks.rounds import Figure, Outcome

FIGURES = [
    Figure(name="a / b", values=(0.5, 0.75, 1.0), bar=0.45, aim=0.65),
    Figure(name="a / c", absent="not installed: pip install c", bar=5, aim=8),
    Figure(name="time", values=(123.4,), bar=3, aim=1, unit="s"),
    Figure(name="more", values=(12.0, 13.0)),
]


def test_the_table_is_markdown():
    """One line a figure; bars of costs are upper ones."""
    assert table(FIGURES).splitlines() == [
        "| figure | median | min..max | bar | aim |",
        "| --- | --- | --- | --- | --- |",
        "| a / b | 0.75 | 0.50..1.00 | 0.45 | 0.65 |",
        "| a / c | absent: not installed: pip install c | | 5 | 8 |",
        "| time | 123 s | 123..123 | at most 3 s | at most 1 s |",
        "| more | 12.5 | 12.0..13.0 |  |  |",
    ]


def test_the_results_hold_every_number(settings, tmp_path):
    """Summary and rounds, and no folder of the machine."""
    rounds = [{"a": {"rate": 1.0}, "b": {"rate": 2.0}}]
    found = results(settings, {"images": 1}, {"one": Outcome(FIGURES, rounds)})
    write_results(tmp_path / "new" / "results.json", found)
    text = (tmp_path / "new" / "results.json").read_text()
    assert json.loads(text)["rounds"] == {"one": rounds}
    first, absent, *_ = json.loads(text)["figures"]
    assert (first["median"], first["min"], first["max"]) == (0.75, 0.5, 1.0)
    assert (absent["median"], absent["absent"]) == (None, "not installed: pip install c")
    assert str(tmp_path) not in text
