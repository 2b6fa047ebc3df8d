"""Run by tests in a process of its own: command lines of streamcalib, one after the other.

Usage: python quantizing.py FILE.json, which holds [[ARGUMENT, ...], ...]. Prints one JSON object a
command, its exit code and what it printed. ModelOpt is imported once for all.
"""

from __future__ import annotations

import io
import json
import sys
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path

from streamcalib.cli import commands
from streamcalib.cli.ending import run_to_the_end


def main() -> None:
    told = []
    for arguments in json.loads(Path(sys.argv[1]).read_text()):
        out, err = io.StringIO(), io.StringIO()
        with redirect_stdout(out), redirect_stderr(err):
            code = run_to_the_end(commands, arguments)
        told.append({"code": code, "out": out.getvalue(), "err": err.getvalue()})
    Path(sys.argv[1]).with_suffix(".told").write_text(json.dumps(told))


if __name__ == "__main__":
    main()
