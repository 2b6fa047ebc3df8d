"""Kill builds many times: ``python tests/crash/run.py --kills 1000 --seed 1``.

What is killed, and where, is drawn from the seed; the moments that have no point are the clock's.
"""

from __future__ import annotations

import argparse
import random
import signal
import sys
import tempfile
import threading
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from crash.cases import CASES, Case, make_shared
from crash.trial import Tally, Trial, undisturbed


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--streams", type=int, default=2, help="commands at the same time")
    parser.add_argument("--only", default="", help="part of the names of the cases to run")
    parser.add_argument("--folder", help="where to work; by default a temporary folder")
    options = parser.parse_args()
    # Started in the background by a shell, this process ignores Ctrl-C, and children would, too.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    started = time.monotonic()
    with tempfile.TemporaryDirectory(dir=options.folder) as folder:
        cases = [case for case in CASES if options.only in case.name]
        tally = kill(Path(folder), cases, options.kills, options.seed, options.streams)
    tell(tally, time.monotonic() - started)
    return 1 if tally.wrong else 0


def kill(folder: Path, cases: list[Case], kills: int, seed: int, streams: int) -> Tally:
    """Kill that many times, in all streams together."""
    shared = folder / "shared"
    make_shared(shared)
    references = {case.name: undisturbed(case, shared, folder / "reference") for case in cases}
    total, lock = Tally(), threading.Lock()

    def stream(number: int) -> None:
        generator = random.Random(f"{seed} {number}")
        for turn in range(10**9):
            case = cases[(turn * streams + number) % len(cases)]
            tally = Tally()
            place = folder / f"{number}-{turn}"
            Trial(case, shared, place, references[case.name], tally).run(generator)
            with lock:
                total.add(tally)
                for wrong in tally.wrong:
                    print(f"WRONG: {wrong}", flush=True)
                done = total.kills.total()
                if turn % 20 == 0:
                    print(f"{done} kills, {total.trials} commands", flush=True)
                if done >= kills:
                    return

    threads = [threading.Thread(target=stream, args=(n,), daemon=True) for n in range(streams)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return total


def tell(tally: Tally, seconds: float) -> None:
    """Print what was seen."""
    for point, count in sorted(tally.kills.items(), key=lambda item: -item[1]):
        print(f"{count:6}  {point}")
    print(f"{tally.kills.total():6}  kills, in {seconds / 60:.1f} min")
    print(f"{tally.trials:6}  commands run to their end; {tally.missed} runs outlived their kill")
    print(f"{tally.resumes:6}  runs that went on with rows of the last; {tally.kept:,} rows kept")
    print(f"{tally.published_early:6}  kills with the new set under its final name, whole")
    print(f"{len(tally.wrong):6}  differences, wrong ends, or sets that were not whole")


if __name__ == "__main__":
    sys.exit(main())
