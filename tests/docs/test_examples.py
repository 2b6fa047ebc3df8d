"""The examples of the documentation do what the pages say."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

import pageneeds
import pages

TOP = Path(__file__).parents[2]
PAGES = sorted(
    path.relative_to(TOP).as_posix()
    for path in (TOP / "README.md", TOP / "benchmarks/README.md", *TOP.glob("docs/**/*.md"))
)


def needs_of(page: str) -> set[str]:
    """Return what the examples of a page need besides all tests' packages."""
    return {need for example in pages.examples((TOP / page).read_text()) for need in example.needs}


RUNNABLE = [
    pytest.param(page, marks=pageneeds.marks(needs_of(page)))
    for page in PAGES
    if pages.examples((TOP / page).read_text())
]


@pytest.fixture(scope="module")
def furnished(tmp_path_factory):
    """A folder with a reader's photographs and model, and the way to the commands."""
    top = tmp_path_factory.mktemp("reader")
    (top / "work").mkdir()
    pageneeds.furnish(top / "work")
    return top / "work", pageneeds.tools(top / "bin")


@pytest.mark.slow
@pytest.mark.parametrize("page", RUNNABLE)
def test_a_pages_examples_end_and_print_as_it_says(tmp_path, furnished, page):
    """One after another, in one folder, with generated photographs as the reader's own."""
    work, commands = furnished
    folder, home = tmp_path / "work", tmp_path / "home"
    home.mkdir()
    shutil.copytree(work, folder, symlinks=True)
    left_out = []
    here = {need for need in needs_of(page) if pageneeds.is_here(need)}
    with pageneeds.surroundings(here, tmp_path) as more:
        environment = {**commands, **more, "HOME": str(home)}
        for example in pages.examples((TOP / page).read_text()):
            if not here.issuperset(example.needs):
                left_out.append(f"line {example.line} (needs {', '.join(example.needs)})")
                continue
            ended = pages.run(example, folder, environment)
            told = f"{page}:{example.line}\n{example.code}{ended.stdout}{ended.stderr}"
            assert ended.returncode == example.exit_code, told
            assert not list(pages.missing_lines(example, ended.stdout, ended.stderr)), told
    # Sets of a hundred rows, which pytest would keep for several runs.
    shutil.rmtree(folder)
    if left_out:
        pytest.skip(f"all were run but {'; '.join(left_out)}")


@pytest.mark.parametrize("page", PAGES)
def test_every_mark_stands_before_a_fence(page):
    """One that does not would be taken for an example that is run."""
    assert pages.stray_marks((TOP / page).read_text()) == []


@pytest.mark.parametrize("page", PAGES)
def test_every_example_is_run_or_says_why_not(page):
    """None is left out by oversight, nor for a reason that is none."""
    text = (TOP / page).read_text()
    assert pages.unmarked(text) == []
    for line, reason in pages.unrun(text):
        words, _, test = reason.partition(": ")
        assert words in pages.REASONS, f"line {line}: {reason}"
        if words == "needs another environment":
            assert (TOP / test).is_file(), f"line {line}: {reason}"


def test_the_pages_that_lead_through_a_job_have_examples():
    """So that none of them is forgotten here."""
    wanted = {"index.md", "workflow.md", "stratified.md", "choosing.md", "troubleshooting.md"}
    assert {f"docs/{name}" for name in wanted} <= {param.values[0] for param in RUNNABLE}


def test_what_is_wrong_with_an_example_is_seen(tmp_path):
    """Another exit code, a line that is not printed, or one in another order."""
    text = "<!-- run: exit 3 -->\n```bash\necho one; echo two; exit 3\n```\n"
    prints = "\n<!-- prints -->\n```\n{}\n```\n"
    for lines, missing in (
        ("one\ntwo", []),
        ("o...", []),
        ("two\none", ["one"]),
        ("three", ["three"]),
    ):
        (example,) = pages.examples(text + prints.format(lines))
        ended = pages.run(example, tmp_path, {})
        assert ended.returncode == example.exit_code == 3
        assert list(pages.missing_lines(example, ended.stdout)) == missing
    assert pages.stray_marks("text\n<!-- run -->\n\n```bash\n```\n") == [2]


def test_a_mark_says_how_an_example_is_run(tmp_path):
    """With another text in place of one, needs, and a code; anything else is refused."""
    mark = "<!-- run: needs s3; with -n 6 for -n 500; with $HERE for /there; exit 1 -->"
    text = mark + "\n```bash\necho -n 500 $(echo /there); false\n```\n"
    (example,) = pages.examples(text)
    assert (example.needs, example.exit_code) == (("s3",), 1)
    assert example.code == "echo -n 6 $(echo $HERE); false\n"
    assert pages.run(example, tmp_path, {"HERE": "found"}).stdout == "6 found"
    for wrong in ("with 6 for 7000", "with 6", "exits 1", "exit one"):
        with pytest.raises((AssertionError, ValueError)):
            pages.examples(text.replace("needs s3", wrong))
    hidden = "<!-- before: needs s3\npython -c 'import pages'\n-->\n"
    (example,) = pages.examples(hidden)
    assert example.is_hidden
    assert example.needs == ("s3",)


def test_a_fence_without_a_mark_is_seen():
    """In every language, indented or not, and of a session at a shell; output needs none."""
    assert pages.unmarked("```\noutput\n```\n\n```bash\ntrue\n```\n") == [5]
    assert pages.unmarked("- so:\n\n  ```python\n  pass\n  ```\n") == [3]
    assert pages.unmarked("~~~sh\ntrue\n~~~\n") == [1]
    assert pages.unmarked("```\n$ true\n```\n") == [1]
    assert pages.unmarked("<!-- run -->\n\n```bash\ntrue\n```\n") == [3]
    assert pages.unmarked("<!-- run -->\n```bash\ntrue\n```\n") == []
    assert pages.unmarked("<!-- not run -->\n```bash\ntrue\n```\n") == [2]
    text = "<!-- not run: needs a GPU -->\n```bash\ntrue\n```\n"
    assert (pages.unmarked(text), pages.unrun(text)) == ([], [(2, "needs a GPU")])
    assert pages.stray_marks(text) == []
    assert pages.stray_marks("<!-- not run: needs a GPU -->\n") == [1]
