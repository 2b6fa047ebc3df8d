"""One command, killed again and again, run to its end, and compared with an undisturbed one."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import time
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple

from crash.cases import Case, Made, start, whole
from crash.points import QUICK
from faults import environment

if TYPE_CHECKING:
    import random
    from pathlib import Path

AT_RANDOM = "at a random moment"
_KEPT = re.compile(r"(\d[\d,]*) of [\d,]+ rows kept")
_LONGEST_SECONDS = 240
_MOST_KILLS = 6


class Reference(NamedTuple):
    """What an undisturbed run of a case makes, and how long it takes."""

    made: Made
    seconds: float


@dataclass
class Tally:
    """What was seen.

    Attributes
    ----------
    kills
        How many by point.
    missed
        Runs that ended before they came to their point.
    trials, resumes, kept
        Commands run to their end, runs that went on with rows, and how many rows those kept.
    wrong
        Whatever broke a promise, in words.
    """

    kills: Counter[str] = field(default_factory=Counter)
    missed: int = 0
    trials: int = 0
    resumes: int = 0
    kept: int = 0
    published_early: int = 0
    wrong: list[str] = field(default_factory=list)

    def add(self, other: Tally) -> None:
        """Take over what another one counted."""
        self.kills += other.kills
        self.missed += other.missed
        self.trials += other.trials
        self.resumes += other.resumes
        self.kept += other.kept
        self.published_early += other.published_early
        self.wrong += other.wrong


def undisturbed(case: Case, shared: Path, folder: Path) -> Reference:
    """Run a case's command once, in peace."""
    case.prepare(shared, folder)
    started = time.monotonic()
    process = start(case, folder, environment(*QUICK))
    _, err = process.communicate(timeout=_LONGEST_SECONDS)
    assert process.returncode == 0, (case.name, err)
    reference = Reference(Made.of(folder), time.monotonic() - started)
    shutil.rmtree(folder)
    return reference


class Trial:
    """A case in a folder of its own, to be killed.

    Parameters
    ----------
    case, shared, folder
        The command, what `make_shared` made, and where it runs.
    reference
        What it is to make.
    tally
        Where it is noted what happens.
    """

    def __init__(
        self, case: Case, shared: Path, folder: Path, reference: Reference, tally: Tally
    ) -> None:
        case.prepare(shared, folder)
        self._case, self._folder, self._reference, self._tally = case, folder, reference, tally
        self._before = Made.of(folder)

    def run(self, generator: random.Random) -> None:
        """Kill the command a few times, run it to its end, and compare."""
        try:
            for _ in range(generator.randint(1, _MOST_KILLS)):
                if generator.random() < 0.4:
                    ended = self.kill_at_random(generator)
                else:
                    point = generator.choice(self._case.chosen)
                    ended = self.kill_at(point.name, point.drawn(generator))
                if ended:
                    break
            else:
                self._run_to_the_end()
            self._compare()
        finally:
            shutil.rmtree(self._folder)

    def kill_at_random(self, generator: random.Random) -> bool:
        """Kill it some time after its start; return whether it ended before."""
        process = start(self._case, self._folder, environment(*QUICK))
        try:
            err = process.communicate(
                timeout=generator.uniform(0.15, 0.95) * self._reference.seconds
            )[1]
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            err = process.communicate()[1]
        return self._ended(process, err, AT_RANDOM)

    def kill_at(self, point: str, fault: dict[str, Any]) -> bool:
        """Kill it at a point; return whether it ended without coming there."""
        process = start(self._case, self._folder, environment(*QUICK, fault))
        err = process.communicate(timeout=_LONGEST_SECONDS)[1]
        return self._ended(process, err, point)

    def finish(self) -> None:
        """Run the command to its end, compare, and take its folder away."""
        try:
            self._run_to_the_end()
            self._compare()
        finally:
            shutil.rmtree(self._folder)

    def _ended(self, process: subprocess.Popen[str], err: str, point: str) -> bool:
        self._note_kept(err)
        if process.returncode == -signal.SIGKILL:
            self._tally.kills[point] += 1
            self._look(point)
            return False
        self._tally.missed += 1
        if process.returncode != 0:
            self._blame(f"{point}: it ended with {process.returncode}: {err}")
        return True

    def _look(self, point: str) -> None:
        """Make sure that what has the final name, if anything, is whole: the old set or the new."""
        path = self._folder / self._case.out
        if not path.exists():
            return
        made = Made.of(self._folder)[path.name]
        if made == self._before.get(path.name):
            return
        self._tally.published_early += 1
        if made != self._reference.made[path.name] or not whole(path):
            self._blame(f"killed {point}, {path.name} is not whole")

    def _run_to_the_end(self) -> None:
        process = start(self._case, self._folder, environment(*QUICK))
        err = process.communicate(timeout=_LONGEST_SECONDS)[1]
        self._note_kept(err)
        if process.returncode != 0:
            self._blame(f"run to its end, it ended with {process.returncode}: {err}")

    def _note_kept(self, err: str) -> None:
        if told := _KEPT.search(err):
            self._tally.resumes += 1
            self._tally.kept += int(told[1].replace(",", ""))

    def _compare(self) -> None:
        self._tally.trials += 1
        made, expected = Made.of(self._folder), self._reference.made
        if made != expected:
            differing = dict(made.items() ^ expected.items())
            self._blame(f"these differ from an undisturbed build's: {differing}")
        elif not whole(self._folder / self._case.out):
            self._blame("what was published is not whole")

    def _blame(self, what: str) -> None:
        self._tally.wrong.append(f"{self._case.name}, {dict(self._tally.kills)}: {what}")
