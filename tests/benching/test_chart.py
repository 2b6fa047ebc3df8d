"""The chart and the table of a bench."""

from __future__ import annotations

import sys
from dataclasses import replace

import cv2
import pytest

from messages import text_of
from streamcalib.benching import chart
from streamcalib.benching.chart import check_chart, draw_chart
from streamcalib.benching.machine import Machine
from streamcalib.benching.result import BenchResult, Measurement
from streamcalib.benching.table import table
from streamcalib.errors import InputError, MissingExtraError, OutputError

NAMES = ("read", "decode", "letterbox", "encode", "write_uint8", "write_final")
BUILDS = ("build_uint8", "build_final")


def result(jobs=(1, 2, 4)) -> BenchResult:
    written = {"write_uint8": 10**6, "write_final": 4 * 10**6}
    return BenchResult(
        machine=Machine("Fast One 9000", 4, 10**10, {"streamcalib": "1.2.3"}),
        parameters={"cache_window_bytes": 10**6},
        images={"count": 100},
        row={"height": 320, "width": 640, "dtype": "float16"},
        measurements=tuple(
            Measurement(name, number, (90.0 * number, 100.0 * number, 900.0), written.get(name, 1))
            for name in (*NAMES, *BUILDS)
            for number in jobs
        ),
        start_seconds=dict.fromkeys(jobs, (0.2, 0.5, 0.3)),
        bad=(),
    )


def test_a_table_shows_medians():
    """A column for each number of workers, all aligned; rates, MB/s, shares and starts."""
    lines = table(result())
    assert lines[0].split() == ["images/s", "1", "worker", "2", "workers", "4", "workers"]
    assert len({len(line) for line in lines}) == 1
    told = {line[:24].strip(): line[24:].split() for line in lines}
    assert told["decode"] == ["100", "200", "400"]
    assert lines[6].split() == ["in", "MB/s", "100", "200", "400"]
    assert told["build float16 / decode"] == ["100", "%", "100", "%", "100", "%"]
    assert told["start of the workers"] == ["0.30", "s"] * 3
    assert "read (cached)" in told


def test_slow_rates_keep_their_digits(tmp_path, monkeypatch):
    """In the table three of them, and on the chart's axis what a tick needs."""
    slow = result()
    slow = replace(
        slow,
        measurements=tuple(
            found._replace(rates=tuple(rate / 2100 for rate in found.rates))
            for found in slow.measurements
        ),
    )
    told = {line[:24].strip(): line[24:].split() for line in table(slow)}
    assert told["decode"] == ["0.0476", "0.0952", "0.19"]
    figures = []
    new = chart._new_figure
    monkeypatch.setattr(chart, "_new_figure", lambda: figures.append(new()) or figures[-1])
    draw_chart(slow, tmp_path / "a.png")
    ticks = [text.get_text() for text in figures[-1].axes[0].get_yticklabels()]
    assert {"0.05", "0.1"} <= set(ticks)
    assert len(set(ticks)) == len(ticks)


@pytest.mark.parametrize("jobs", [(1,), (1, 2), (1, 2, 4, 8, 16, 32, 64, 96)])
def test_a_chart_is_a_picture(tmp_path, jobs):
    """A PNG that can be read and is not empty, and nothing beside it."""
    draw_chart(result(jobs), tmp_path / "a.png")
    assert (tmp_path / "a.png").read_bytes().startswith(b"\x89PNG")
    image = cv2.imread(str(tmp_path / "a.png"))
    assert image.shape[1] > image.shape[0] > 400
    assert image.std() > 5
    assert [path.name for path in tmp_path.iterdir()] == ["a.png"]


def test_a_chart_needs_matplotlib(tmp_path, monkeypatch):
    """Without it, the extra is named."""
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    with pytest.raises(MissingExtraError) as caught:
        check_chart(tmp_path / "a.png")
    assert "pip install 'streamcalib[bench]'" in text_of(caught.value)


@pytest.mark.parametrize("name", ["a.jpg", "a"])
def test_a_chart_that_is_no_png_is_refused(tmp_path, name):
    """Another ending, or none."""
    with pytest.raises(InputError) as caught:
        check_chart(tmp_path / name)
    assert "--chart" in text_of(caught.value)


def test_a_chart_that_cannot_be_written_is_told(tmp_path):
    """A folder stands in its place."""
    (tmp_path / "a.png" / "full").mkdir(parents=True)
    with pytest.raises(OutputError, match="cannot be written"):
        draw_chart(result(), tmp_path / "a.png")
