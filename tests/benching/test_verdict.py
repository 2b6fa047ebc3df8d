"""What figures are taken to mean."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamcalib.benching.figures import Figures
from streamcalib.benching.verdict import judge

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


def figures(
    jobs=(1, 2, 4),
    cores=4,
    start=0.0,
    spread=0.0,
    images=1000,
    busy=0.0,
    window_bytes=10**6,
    in_memory=False,
    **changed,
) -> Figures:
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
        cores_busy={"write_uint8": busy, "write_final": busy},
        window_bytes=window_bytes,
        in_memory=in_memory,
    )


def test_the_decoder_is_the_limit():
    """If all is well, there is nothing to change, and the share of decoding alone is told."""
    verdict = judge(figures())
    assert verdict.bottlenecks == {"final": "decode", "uint8": "decode"}
    (finding,) = verdict.findings
    assert finding == (
        "Decoding is the slowest step: 2400 images/s alone with 4 workers; a whole build runs at "
        "77 % of decoding alone with --store final and at 83 % of decoding alone with --store "
        "uint8."
    )
    assert verdict.advice == ("nothing: the decoder is the limit",)


def test_a_slow_disk_bounds():
    """Writing that waits is the disk's, and another store may do; workers help that one."""
    verdict = judge(figures(write_final=300.0, build_final=290.0))
    assert verdict.bottlenecks == {"final": "write", "uint8": "decode"}
    assert verdict.findings[0].startswith(
        "Writing is the slowest step, for workers wait for the disk: 300 images/s (1475 MB/s) "
        "alone with 4 workers, and the slowest other step (decode) 2400; a whole build runs at 12 "
    )
    disk, store = verdict.advice
    assert disk == "put --out on a faster disk: it bounds --store final"
    assert store.startswith(
        "build with --store uint8: it writes a quarter of the bytes, and is 6.9 times as fast"
    )


def test_workers_that_add_nothing_are_told():
    """Of the store that is advised."""
    jobs = judge(figures(build_final=290.0, build_uint8=290.0)).advice[0]
    assert jobs.startswith("fewer --jobs: 4 workers are no faster than 1 (290 against 290 images/s")


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"busy": 2.5}, "Copying into the page cache is the limit"),
        ({"in_memory": True}, "Copying into memory is the limit"),
        ({"busy": 1.5, "cores": 2}, "Copying into the page cache is the limit"),
    ],
)
def test_a_disk_that_is_not_waited_for_is_not_blamed(changed, words):
    """Where the processor copies, or there is no disk, another one would change nothing."""
    slow = {"write_final": 300.0, "write_uint8": 300.0, "build_final": 280.0, "build_uint8": 280.0}
    verdict = judge(figures(**slow, **changed))
    assert set(verdict.bottlenecks.values()) == {"write"}
    assert verdict.findings[0].startswith(words)
    assert not any("disk" in text for text in (*verdict.findings, *verdict.advice))


def test_nothing_is_advised_where_the_processor_copies():
    """If workers scale, and the other store is no faster."""
    found = figures(busy=4.0)
    found.rates["write_final"].update({1: 250.0, 2: 500.0, 4: 1000.0})
    assert judge(found).advice == ("nothing: the processor copies rows no faster",)


def test_a_small_difference_does_not_make_the_disk_the_limit():
    """Writing that is 1 % slower than decoding is as slow."""
    verdict = judge(figures(write_final=2376.0))
    assert verdict.bottlenecks == {"final": "decode", "uint8": "decode"}
    assert (
        "2400 images/s alone with 4 workers, writing with --store final about as slow;"
        in verdict.findings[0]
    )
    assert not any("disk" in advice for advice in verdict.advice)


def test_the_slowest_of_all_steps_bounds():
    """Writing is held against encoding, too."""
    verdict = judge(figures(encode=100.0, write_final=150.0, decode=200.0))
    assert verdict.bottlenecks["final"] == "encode"


@pytest.mark.parametrize("in_memory", [False, True])
def test_a_disk_that_was_hardly_met_is_told(in_memory):
    """Where all rows fit the cache window; no other disk is advised then, and a window is none."""
    found = figures(write_final=300.0, window_bytes=1000 * ROW, in_memory=in_memory)
    verdict = judge(found)
    told = [text for text in verdict.findings if "hardly measured" in text]
    assert len(told) == (not in_memory)
    assert all("--store final and --store uint8 fits" in text for text in told)
    assert not any("faster disk" in advice for advice in verdict.advice)
    part = judge(found._replace(window_bytes=1000 * ROW - 1)).findings
    assert any("with --store uint8 fits" in text for text in part) == (not in_memory)


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
    """But no disk's, for files were read from the page cache."""
    (advice,) = judge(figures(read=100.0)).advice
    assert advice.startswith("the images' file system, if it is on a network or slow")
    assert "page cache" in advice


def test_cores_that_are_none_are_told():
    """Four workers that decode twice as fast as one have no four cores."""
    found = figures()
    found.rates["decode"][4] = 1200.0
    assert "4 workers on 4 cores decode 2.0 times as fast as one" in judge(found).findings[1]


def test_more_workers_than_cores_cannot_scale():
    """Six workers on two cores are twice as fast as one at best."""
    found = figures(jobs=(1, 2, 4, 6), cores=2)
    found.rates["decode"].update({1: 600.0, 2: 1150.0, 4: 1150.0, 6: 1150.0})
    assert len(judge(found).findings) == 1
    found.rates["decode"][6] = 700.0
    assert "6 workers on 2 cores decode 1.2 times" in judge(found).findings[1]


def test_a_build_that_is_mostly_start_is_told():
    """And what the workers' number does is judged without their start."""
    verdict = judge(figures(images=100, start=0.04))
    assert verdict.findings[1].startswith("The fastest build of 100 images takes 0.1 s here")
    assert "--count" in verdict.findings[1]
    assert not any("--jobs" in advice for advice in verdict.advice)


def test_what_is_left_of_a_build_beside_its_start_is_noise():
    """Neither fewer workers nor another store are advised for it."""
    found = figures(images=100, start=0.2)
    found.rates["build_final"].update({1: 300.0, 2: 310.0, 4: 300.0})
    found.rates["build_uint8"].update({1: 320.0, 2: 320.0, 4: 320.0})
    assert judge(found).advice == ("nothing: the decoder is the limit",)
    found.rates["build_uint8"][4] = 450.0
    (advice,) = judge(found).advice
    assert "is 1.5 times as fast here, the start of workers included" in advice


def test_a_busy_machine_is_told():
    """Figures that differ among repeats are not to be trusted."""
    assert "differ by 50 %" in judge(figures(spread=0.5)).findings[1]


def test_more_images_are_advised_where_workers_had_none():
    """As many workers as images is the most that --jobs can do."""
    (advice,) = judge(figures(jobs=(1,), cores=2, images=1)).advice
    assert "--count" in advice
    assert "1 image cannot keep 2 cores busy" in advice
    (advice,) = judge(figures(jobs=(1,), cores=2)).advice
    assert advice == "more --jobs: 2 cores may be used, and 1 was measured"


def test_slow_rates_are_told_in_digits():
    """Huge images may take seconds each."""
    found = judge(figures(decode=0.05, build_final=0.041))
    assert "0.05 images/s alone" in found.findings[0]


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
    busy=st.floats(0, 256),
    window_bytes=st.integers(1, 10**12),
    in_memory=st.booleans(),
)
def test_any_figures_have_a_verdict(
    rates, starts, images, cores, spread, busy, window_bytes, in_memory
):
    """Something is found and advised whatever the figures; the slowest step is never passed by.

    Save for writing, by a little.
    """
    jobs = (1, 2, 3)
    found = Figures(
        rates={name: dict(zip(jobs, told, strict=True)) for name, told in rates.items()},
        row_bytes=WRITTEN,
        start_seconds=dict(zip(jobs, starts, strict=True)),
        images=images,
        cores=cores,
        spread=spread,
        cores_busy=dict.fromkeys(("write_uint8", "write_final"), busy),
        window_bytes=window_bytes,
        in_memory=in_memory,
    )
    verdict = judge(found)
    assert verdict.findings
    assert verdict.advice
    assert all("\n" not in text and text.isprintable() for text in verdict.findings)
    for store, bottleneck in verdict.bottlenecks.items():
        name = f"write_{store}" if bottleneck == "write" else bottleneck
        steps = ["read", "decode", "letterbox", *["encode"] * (store == "final")]
        assert all(found.at_most(name) <= found.at_most(step) for step in steps)
        assert found.at_most(name) < 1.1 * found.at_most(f"write_{store}") * (1 + 1e-9)
        assert not (in_memory and any("put --out" in advice for advice in verdict.advice))
