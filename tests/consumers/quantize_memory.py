"""Run by a test in its own process: a command of streamcalib; prints peak anonymous memory.

Usage: python quantize_memory.py ARGUMENT...
"""

from __future__ import annotations

import sys
import threading
import time

from modelopt_memory import anonymous_bytes

from streamcalib.cli import commands
from streamcalib.cli.ending import run_to_the_end

_EVERY_SECONDS = 0.02


def main() -> None:
    peak = 0
    running = True

    def watch() -> None:
        nonlocal peak
        while running:
            peak = max(peak, anonymous_bytes())
            time.sleep(_EVERY_SECONDS)

    watcher = threading.Thread(target=watch)
    watcher.start()
    code = run_to_the_end(commands, sys.argv[1:])
    running = False
    watcher.join()
    print(peak)
    sys.exit(code)


if __name__ == "__main__":
    main()
