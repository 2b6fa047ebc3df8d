"""``python -m tests.fuzz``: judge many mutants; leaves with 1 if there is a finding."""

import signal
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from fuzz.command import main

if __name__ == "__main__":
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # which ends the workers too
    sys.exit(main())
