"""The examples in pages of documentation: which of them are run, how, and what they print.

A mark is a comment on the line before a fence, which no reader sees:

``<!-- run -->``
    is run. More may be said behind a colon, with semicolons between: ``exit 2`` is the code that it
    ends with; ``needs modelopt`` names what must be there (`pageneeds`), else it is left out;
    ``with --count 6 for --count 500`` is a text that stands in another's place while it is run.
``<!-- prints -->``
    follows such a one, and holds lines that it prints, in this order; in them, ``...`` stands for
    anything.
``<!-- not run: needs a GPU -->``
    is not run, for one of `REASONS`.

Lines of Bash in a comment that begins with ``<!-- before``, or with ``<!-- before: needs s3``, are
run as well, with modules of ``tests/`` at hand, and its path as ``$TESTS``. Each page is run from
top to bottom, in one folder.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

REASONS = (
    "needs a GPU",
    "needs a second host",
    "needs a terminal",
    "takes tens of gigabytes",
    "takes tens of minutes",
    "installs packages",
    "needs another environment",
)
"""Why an example may not be run; of the last, the mark names the test that covers it."""

TESTS = Path(__file__).parent
_FENCE = re.compile(
    r"^<!-- (run|prints)(?:: ([^\n]+?))? -->\n```(\w*)\n(.*?)^```$"
    r"|^<!-- before(?:: ([^\n]+))?\n(.*?)^-->$",
    re.MULTILINE | re.DOTALL,
)
_ANY_FENCE = re.compile(r"^( *)(`{3,}|~{3,}) *(\w*)[^\n]*\n(.*?)^ *\2 *$", re.MULTILINE | re.DOTALL)
_MARK = re.compile(r"<!-- (?:(?:run|prints)(?:: [^\n]+)?|command \d|not run: ([^\n]+)) -->")
_LANGUAGES = ("bash", "python")


class Example(NamedTuple):
    """One runnable fence: where it stands, its code, how it ends, what it needs and prints."""

    line: int
    language: str
    code: str
    exit_code: int = 0
    needs: tuple[str, ...] = ()
    prints: tuple[str, ...] = ()
    is_hidden: bool = False


def examples(page: str) -> list[Example]:
    """Return the runnable examples of a page's Markdown, in order."""
    found: list[Example] = []
    for match in _FENCE.finditer(page):
        line = page.count("\n", 0, match.start()) + 2
        kind, words, language, text, hidden_words, hidden = match.groups()
        if hidden is not None:
            example = Example(line, "bash", hidden, is_hidden=True)
            found.append(_told(example, hidden_words or ""))
        elif kind == "prints":
            assert found, f"line {line}: nothing before it could have printed this"
            found[-1] = found[-1]._replace(prints=tuple(text.splitlines()))
        else:
            assert language in _LANGUAGES, f"line {line}: {language!r} is not run"
            found.append(_told(Example(line, language, text), words or ""))
    return found


def _told(example: Example, words: str) -> Example:
    """Return the example as the words of its mark have it."""
    for said in filter(None, words.split("; ")):
        kind, _, rest = said.partition(" ")
        if kind == "exit":
            example = example._replace(exit_code=int(rest))
        elif kind == "needs":
            example = example._replace(needs=(*example.needs, rest))
        else:
            new, between, old = rest.partition(" for ")
            assert kind == "with", f"line {example.line}: {said!r} is no word of a mark"
            assert between, f"line {example.line}: {said!r} does not say for what"
            assert old in example.code, f"line {example.line}: there is no {old!r} in it"
            example = example._replace(code=example.code.replace(old, new))
    return example


def stray_marks(page: str) -> list[int]:
    """Return the lines of marks that stand before no fence, and so do nothing."""
    good = {page.count("\n", 0, match.start()) + 1 for match in _FENCE.finditer(page)}
    good |= {line - 1 for line, _ in unrun(page)}
    marks = re.finditer(r"^ *<!-- *(?:run|prints|before|not run).*$", page, re.MULTILINE)
    return sorted({page.count("\n", 0, mark.start()) + 1 for mark in marks} - good)


def unrun(page: str) -> list[tuple[int, str]]:
    """Return the lines of fences that are marked as not run, and why."""
    marked = ((line, _MARK.fullmatch(before)) for line, before in _code_fences(page))
    return [(line, mark[1]) for line, mark in marked if mark and mark[1]]


def unmarked(page: str) -> list[int]:
    """Return the lines of fences of code, or of a session at a shell, that carry no mark."""
    return [line for line, before in _code_fences(page) if not _MARK.fullmatch(before)]


def _code_fences(page: str) -> Iterator[tuple[int, str]]:
    """Yield the line of every fence that holds code, and the line before it."""
    lines = page.splitlines()
    for fence in _ANY_FENCE.finditer(page):
        _, _, language, text = fence.groups()
        if language or re.search(r"^ *\$ ", text, re.MULTILINE):
            line = page.count("\n", 0, fence.start()) + 1
            yield line, lines[line - 2] if line > 1 else ""


def run(
    example: Example, folder: Path, environment: Mapping[str, str]
) -> subprocess.CompletedProcess[str]:
    """Run an example in a folder, with ``environment`` on top of this process's."""
    command = {
        "bash": ["bash", "-euo", "pipefail", "-c", example.code],
        "python": [sys.executable, "-c", example.code],
    }[example.language]
    paths = filter(None, (str(TESTS), os.environ.get("PYTHONPATH")))
    own = {"TESTS": str(TESTS), "PYTHONPATH": os.pathsep.join(paths)} if example.is_hidden else {}
    return subprocess.run(
        command,
        cwd=folder,
        env={**os.environ, **environment, **own},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )


def missing_lines(example: Example, *printed: str) -> Iterator[str]:
    """Yield the lines that were to be printed and are in none of the streams, in this order."""
    left = [stream.splitlines() for stream in printed]
    for line in example.prints:
        pattern = re.compile(".*".join(map(re.escape, line.strip().split("..."))))
        for lines in left:
            found = (n for n, other in enumerate(lines) if pattern.fullmatch(other.strip()))
            if (place := next(found, None)) is not None:
                del lines[: place + 1]
                break
        else:
            yield line
