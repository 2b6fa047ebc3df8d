"""What figures are taken to mean."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamcalib.benching.verdict import Figures, judge

CANVAS, ROW = 1_228_800, 4_915_200
WRITTEN = {"write_uint8": CANVAS, "build_uint8": CANVAS, "write_final": ROW, "build_final": ROW}
# Images a second of one worker.
RATES = {
    "read": 20_000.0,
    "decode": 600.0,
    "letterbox": 8_000.0,
    "encode": 3_000.0,
    "write_uint8": 9_000.0,
    "write_final": 2_000.0,
    "build_uint8": 500.0,
    "build_final": 460.0,
}


def figures(jobs=(1, 2, 4), cores=4, start=0.0, spread=0.0, images=1000, **changed) -> Figures:
    """Return figures that scale with the workers, some of them changed at every number."""
    return Figures(
        rates={
            name: {number: changed.get(name, rate * number) for number in jobs}
            for name, rate in RATES.items()
        },
        row_bytes=WRITTEN,
        start_seconds=dict.fromkeys(jobs, start),
        images=images,
        cores=cores,
        spread=spread,
    )


def test_the_decoder_is_the_limit():
    """If all is well, there is nothing to change, and the share of bare decoding is told."""
    verdict = judge(figures())
    assert verdict.bottlenecks == {"final": "decode", "uint8": "decode"}
    (finding,) = verdict.findings
    assert finding == (
        "Decoding is the slowest step: 2400 images/s alone with 4 workers; a whole build runs at "
        "77 % of bare decoding with --store final and at 83 % of bare decoding with --store uint8."
    )
    assert verdict.advice == ("nothing: the decoder is the limit",)


def test_a_slow_disk_bounds():
    """Writing slower than decoding is the disk's or page cache's, and another store may do."""
    verdict = judge(figures(write_final=300.0, build_final=290.0))
    assert verdict.bottlenecks == {"final": "write", "uint8": "decode"}
    assert "300 images/s (1475 MB/s) against 2400 with 4 workers" in verdict.findings[0]
    disk, store, jobs = verdict.advice
    assert disk == "put --out on a faster disk: it bounds --store final"
    assert store.startswith("say --store uint8: it writes a quarter of the bytes, and builds 6.9")
    assert jobs.startswith("fewer --jobs: 4 workers are no faster than 1 (290 against 290 images/s")


def test_a_disk_can_bound_both_stores():
    """Both are told in one sentence."""
    verdict = judge(figures(write_final=100.0, write_uint8=200.0))
    assert set(verdict.bottlenecks.values()) == {"write"}
    assert "100 images/s (492 MB/s) and 200 images/s (246 MB/s)" in verdict.findings[0]
    assert verdict.advice[0].endswith("it bounds --store final and --store uint8")


@pytest.mark.parametrize("step", ["read", "letterbox"])
def test_another_step_can_be_the_slowest(step):
    """It is named for both stores."""
    verdict = judge(figures(**{step: 100.0}))
    assert set(verdict.bottlenecks.values()) == {step}
    assert verdict.findings[0].split()[0] in ("Reading", "The")


def test_slow_encoding_bounds_final_stores_alone():
    """Canvases are not encoded."""
    verdict = judge(figures(encode=100.0, build_final=90.0))
    assert verdict.bottlenecks == {"final": "encode", "uint8": "decode"}


def test_slow_reading_is_the_sources_storage():
    """That is what to change."""
    assert judge(figures(read=100.0)).advice == (
        "the source's storage: copy the images to a faster one",
    )


def test_cores_that_are_none_are_told():
    """Four workers that decode twice as fast as one have no four cores."""
    found = figures()
    found.rates["decode"][4] = 1200.0
    assert "4 workers decode 2.0 times as fast as one" in judge(found).findings[1]


def test_a_build_that_is_mostly_start_is_told():
    """And what the workers' number does is judged without their start."""
    verdict = judge(figures(images=100, start=0.04))
    assert verdict.findings[1].startswith("A build of 100 images takes 0.1 s here")
    assert "--count" in verdict.findings[1]
    assert not any("--jobs" in advice for advice in verdict.advice)


def test_a_busy_machine_is_told():
    """Figures that differ among repeats are not to be trusted."""
    assert "differ by 50 %" in judge(figures(spread=0.5)).findings[1]


def test_more_workers_are_advised_where_there_are_cores():
    """Unless writing bounds."""
    more = "more --jobs: 16 cores may be used, and 4 were measured"
    assert more in judge(figures(cores=16)).advice
    assert more not in judge(figures(cores=16, write_final=300.0)).advice


@pytest.mark.parametrize(("row", "part"), [(2 * CANVAS, "half"), (4 * CANVAS, "a quarter")])
def test_how_much_less_a_uint8_store_writes_depends_on_the_dtype(row, part):
    """Half of float16, a quarter of float32."""
    found = figures(build_final=100.0)._replace(row_bytes={**WRITTEN, "build_final": row})
    assert f"it writes {part} of the bytes" in judge(found).advice[0]


def test_one_store_and_one_worker_are_enough():
    """Plain uint8 rows have one store, and one worker has nothing to be compared with."""
    names = ("read", "decode", "letterbox", "write_final", "build_final")
    found = figures(jobs=(1,), cores=1)
    verdict = judge(found._replace(rates={name: found.rates[name] for name in names}))
    assert verdict.bottlenecks == {"final": "decode"}
    assert "with 1 worker;" in verdict.findings[0]


positive = st.floats(1e-3, 1e6)


@given(
    rates=st.fixed_dictionaries(
        {name: st.lists(positive, min_size=3, max_size=3) for name in RATES}
    ),
    starts=st.lists(st.floats(0, 100), min_size=3, max_size=3),
    images=st.integers(1, 10**6),
    cores=st.integers(1, 256),
    spread=st.floats(0, 10),
)
def test_any_figures_have_a_verdict(rates, starts, images, cores, spread):
    """Something is found and advised whatever the figures; the slowest step is never passed by."""
    jobs = (1, 2, 3)
    found = Figures(
        rates={name: dict(zip(jobs, told, strict=True)) for name, told in rates.items()},
        row_bytes=WRITTEN,
        start_seconds=dict(zip(jobs, starts, strict=True)),
        images=images,
        cores=cores,
        spread=spread,
    )
    verdict = judge(found)
    assert verdict.findings
    assert verdict.advice
    assert all("\n" not in text and text.isprintable() for text in verdict.findings)
    for store, bottleneck in verdict.bottlenecks.items():
        name = f"write_{store}" if bottleneck == "write" else bottleneck
        assert found.at_most(name) <= found.at_most("decode")
