"""One piece of work in a process of its own: ``python -m benchmarks.child ORDER``.

The order is JSON: a name of `WORKS`, the keyword arguments of its module's ``work``, and perhaps a
control group to join before anything else is done. The result is one line of JSON on stdout;
whatever the work itself prints goes to stderr.
"""

from __future__ import annotations

import importlib
import json
import os
import sys
from pathlib import Path

WORKS = {
    "activations": "benchmarks.activations",
    "batches": "benchmarks.batches",
    "build": "benchmarks.builds",
    "cost": "benchmarks.cost",
    "crossed": "benchmarks.crossed",
    "dali": "benchmarks.peers.dali",
    "decode": "benchmarks.decoding",
    "decode_many": "benchmarks.many_decoders",
    "finalize": "benchmarks.finalizing",
    "litdata": "benchmarks.peers.litdata_optimize",
    "plain": "benchmarks.plain",
    "safety": "benchmarks.safety",
    "sharded": "benchmarks.sharded",
    "torch": "benchmarks.peers.torch_loader",
    "write": "benchmarks.writing",
}


def main(text: str) -> None:
    """Carry out an order and print its result."""
    order = json.loads(text)
    if order["cgroup"] is not None:
        Path(order["cgroup"]).write_text(str(os.getpid()), encoding="ascii")
    stdout = os.dup(1)
    os.dup2(2, 1)
    work = importlib.import_module(WORKS[order["work"]]).work
    result = work(**order["arguments"])
    with os.fdopen(stdout, "w", encoding="utf-8") as out:
        out.write(json.dumps(result) + "\n")


if __name__ == "__main__":
    main(sys.argv[1])
