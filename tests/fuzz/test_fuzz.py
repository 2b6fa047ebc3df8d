"""Fuzzing: whatever becomes of a JPEG, it is OpenCV's picture or a clean refusal."""

from __future__ import annotations

import random
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest
import simplejpeg

import zoo
from fuzz.command import main
from fuzz.corpus import bases, mutant
from fuzz.judging import AS_STORED, PLAIN, Judge, all_decoders
from fuzz.mutations import KINDS, mutate
from fuzz.parts import joined, parts
from fuzz.running import run
from streamcalib.pixels import decode
from streamcalib.pixels.canvas import CanvasMaker
from streamcalib.pixels.turbo import SimpleJpeg, TurboError

SEED, COUNT, CHUNK = 2017, 5000, 500

ENDS_EARLY = zoo.animals()["cut-in-half-ended"].data
SOUND = zoo.animals()["baseline-420"].data


@pytest.mark.parametrize("first", range(0, COUNT, CHUNK))
def test_mutants_are_refused_or_as_in_opencv(first: int):
    """No mutant is a finding; ``python -m tests.fuzz`` judges as many as one likes."""
    tally = run(SEED, range(first, first + CHUNK))
    assert tally.judged == CHUNK
    told = [f"{it.number}, {it.kind}, {it.way}: {it.text}" for it in tally.findings]
    assert not told, "\n".join(told)


def test_mutated_photographs_are_refused_or_as_in_opencv(photographs: dict[str, bytes]):
    """Real files have what small ones made for tests have not: profiles, thumbnails, long scans."""
    judge, generator = Judge(), random.Random(SEED)
    for kind in list(KINDS) * 4:
        data, other = generator.sample(list(photographs.values()), 2)
        assert not judge.judge(mutate(kind, generator, data, other)).findings, kind


def test_mutants_meet_every_fate():
    """The mutator is neither so mild that all are pictures, nor so wild that none is."""
    tally = run(SEED + 1, range(600))
    fates: Counter[str] = Counter()
    for (_, verdict), count in tally.verdicts.items():
        fates[verdict] += count
    for fate in ("turbo", "opencv-jpeg", "damaged", "no image", "broken header", "over the limit"):
        assert fates[fate] >= 10, fates


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_changes_every_base(kind: str):
    """Whatever is mutated, a mutant differs from it, and is the same again from the same seed."""
    other = zoo.jpeg(zoo.picture(20, 30))
    for number, data in enumerate(base for group in bases().values() for base in group):
        mutants = [mutate(kind, random.Random(number), data, other) for _ in range(2)]
        assert mutants[0] == mutants[1] != data


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_takes_what_is_no_jpeg_any_more(kind: str):
    """Mutations follow each other, and so take what another has left, down to a few bytes."""
    generator = random.Random(3)
    remains = [zoo.SOI + zoo.EOI, b"\xff\xd8\xff", b"\xff" * 9, SOUND[:700], SOUND[3:]]
    for data in remains * 20:
        assert isinstance(mutate(kind, generator, data, SOUND), bytes)


def test_mutants_are_each_their_own():
    """A mutant is made of seed and number alone, so that one can be looked at by itself."""
    assert mutant(5, 77) == mutant(5, 77)
    several = {mutant(5, number)[1] for number in range(300)}
    assert len(several) > 290
    assert mutant(6, 77) != mutant(5, 77)


@pytest.mark.parametrize("name", zoo.jpeg_names())
def test_pieces_make_up_the_whole(name: str):
    """A JPEG in parts is all of it, however broken it is."""
    data = zoo.animals()[name].data
    assert joined(data, parts(data)) == data


@pytest.mark.parametrize("recipe", [PLAIN, AS_STORED], ids=["plain", "as stored"])
@pytest.mark.parametrize("tolerant", [False, True])
@pytest.mark.parametrize("group", bases())
def test_bases_are_pictures(group: str, tolerant: bool, recipe):
    """What is mutated is sound, and the judge agrees with the library on it."""
    judge = Judge(recipe=recipe, tolerate_damage=tolerant)
    for data in bases()[group]:
        verdict, findings = judge.judge(data)
        assert verdict in ("turbo", "opencv-jpeg")
        assert not findings


@pytest.mark.parametrize("tolerant", [False, True])
@pytest.mark.parametrize("name", zoo.names())
def test_the_zoo_is_judged_well(name: str, tolerant: bool):
    """Nothing in the zoo, of whatever format, is a finding."""
    assert not Judge(tolerate_damage=tolerant).judge(zoo.animals()[name].data).findings


class OffByOne(SimpleJpeg):
    """A decoder with one wrong value in one pixel."""

    def decode(self, data, pixels, out=None):
        image = super().decode(data, pixels, out)
        image[image.shape[0] // 2, image.shape[1] // 2, 1] ^= 1
        return image


class Lenient(SimpleJpeg):
    """A decoder that gives what it can of damaged data."""

    def decode(self, data, pixels, out=None):
        try:
            return simplejpeg.decode_jpeg(data, pixels, strict=False)
        except ValueError as error:
            raise TurboError(str(error)) from error


class Fragile(SimpleJpeg):
    """A decoder whose errors are not those agreed on."""

    def decode(self, data, pixels, out=None):
        return simplejpeg.decode_jpeg(data, pixels)


def findings(data: bytes, decoders: list, **options) -> str:
    """Return all that the judge finds about one file, in one text."""
    return "; ".join(Judge(decoders, **options).judge(data).findings)


def test_a_wrong_value_is_found():
    """A decoder that is off by one in one value differs from the other, and from OpenCV."""
    data = zoo.jpeg(zoo.picture(48, 64))
    assert "different pixels" in findings(data, [*all_decoders(), OffByOne()])
    assert "other pixels than OpenCV's" in findings(data, [OffByOne()])
    assert findings(data, all_decoders()) == ""


def test_accepted_damage_is_found():
    """A decoder that takes damaged data disagrees with the other, and with OpenCV's complaint."""
    assert "decoders disagree" in findings(ENDS_EARLY, [*all_decoders(), Lenient()])
    assert "OpenCV says: Corrupt JPEG data" in findings(ENDS_EARLY, [Lenient()])
    assert findings(ENDS_EARLY, all_decoders()) == ""


def test_an_exception_of_another_kind_is_found():
    """Only an `ImageError` is a refusal."""
    assert "raised ValueError" in findings(ENDS_EARLY, [Fragile()])


def test_a_refused_picture_is_found(monkeypatch):
    """A library that refuses what OpenCV reads without a word is too strict."""
    monkeypatch.setattr(decode, "find_damage", lambda *_: "a bad day")
    data = zoo.animals()["cmyk"].data
    assert "without complaint: damaged JPEG: a bad day" in findings(data, all_decoders())


def test_a_limit_that_does_not_hold_is_found(monkeypatch):
    """A picture over the limit is found, and one that is decoded before its size is looked at."""
    assert findings(SOUND, all_decoders(), max_pixels=500) == ""
    check = decode.check_size
    calls: Counter[str] = Counter()

    def late(height, width, max_pixels):
        calls["all"] += 1
        if calls["all"] % 2 == 0:
            check(height, width, max_pixels)

    cmyk = zoo.animals()["cmyk"].data
    monkeypatch.setattr(decode, "check_size", late)
    assert "decoded before it was refused" in findings(cmyk, [SimpleJpeg()], max_pixels=500)
    monkeypatch.setattr(decode, "check_size", lambda *_: None)
    assert "passed the limit" in findings(SOUND, all_decoders(), max_pixels=500)


def test_a_canvas_of_a_refused_image_is_found(monkeypatch):
    """What is refused leaves the row as it was."""
    make = CanvasMaker.make

    def spoil(self, data, planes):
        planes[0, 0, 0] = 99
        return make(self, data, planes)

    monkeypatch.setattr(CanvasMaker, "make", spoil)
    assert "canvas written to" in findings(ENDS_EARLY, [SimpleJpeg()])


def test_the_command_keeps_what_it_finds(tmp_path: Path, monkeypatch, capsys):
    """A finding is told and its bytes are kept, and the exit code is 1."""
    monkeypatch.setattr("fuzz.running._judges", lambda: dict.fromkeys(WAYS, Judge([OffByOne()])))
    monkeypatch.setattr("fuzz.command._tallies", lambda seed, chunks, _: [run(seed, chunks[0])])
    assert main(["--count", "40", "--seed", "4", "--keep", str(tmp_path / "kept")]) == 1
    assert "other pixels than OpenCV's" in capsys.readouterr().out
    kept = next((tmp_path / "kept").glob("4-*-strict.jpg"))
    number = int(kept.name.split("-")[1])
    assert kept.read_bytes() == mutant(4, number)[1]


WAYS = ("strict", "as stored", "tolerant")


def test_the_command_runs_by_itself():
    """``python -m tests.fuzz`` shares the work among processes and ends with 0 and a table."""
    command = [sys.executable, "-m", "tests.fuzz", "--count", "300", "--seed", "8", "--jobs", "2"]
    done = subprocess.run(
        command, cwd=Path(__file__).parents[2], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "300 of 300" in done.stdout
    assert "over the limit" in done.stdout
