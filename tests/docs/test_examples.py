"""The examples of the documentation do what the pages say."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

import pages

DOCS = Path(__file__).parents[2] / "docs"
PAGES = sorted(path.name for path in DOCS.glob("*.md"))
RUNNABLE = [name for name in PAGES if pages.examples((DOCS / name).read_text())]


@pytest.fixture(scope="module")
def furnished(tmp_path_factory):
    """A folder with a reader's photographs and model, and the commands."""
    top = tmp_path_factory.mktemp("reader")
    (top / "home").mkdir()
    pages.furnish(top / "home")
    return top / "home", pages.tools(top / "bin")


@pytest.mark.slow
@pytest.mark.parametrize("page", RUNNABLE)
def test_a_pages_examples_end_and_print_as_it_says(tmp_path, furnished, page):
    """One after another, in one folder, with generated photographs as the reader's own."""
    home, commands = furnished
    folder = tmp_path / "work"
    shutil.copytree(home, folder, symlinks=True)
    for example in pages.examples((DOCS / page).read_text()):
        ended = pages.run(example, folder, commands)
        told = f"{page}:{example.line}\n{example.code}{ended.stdout}{ended.stderr}"
        assert ended.returncode == example.exit_code, told
        assert not list(pages.missing_lines(example, ended.stdout + ended.stderr)), told
    # Sets of a hundred rows, which pytest would keep for several runs.
    shutil.rmtree(folder)


@pytest.mark.parametrize("page", PAGES)
def test_every_mark_stands_before_a_fence(page):
    """One that does not would be taken for an example that is run."""
    assert pages.stray_marks((DOCS / page).read_text()) == []


def test_the_pages_that_lead_through_a_job_have_examples():
    """So that none of them is forgotten here."""
    wanted = {"index.md", "workflow.md", "stratified.md", "choosing.md", "troubleshooting.md"}
    assert wanted <= set(RUNNABLE)


def test_what_is_wrong_with_an_example_is_seen(tmp_path, furnished):
    """Another exit code, a line that is not printed, or one in another order."""
    text = "<!-- run: exit 3 -->\n```bash\necho one; echo two; exit 3\n```\n"
    prints = "\n<!-- prints -->\n```\n{}\n```\n"
    _, commands = furnished
    for lines, missing in (
        ("one\ntwo", []),
        ("o...", []),
        ("two\none", ["one"]),
        ("three", ["three"]),
    ):
        (example,) = pages.examples(text + prints.format(lines))
        ended = pages.run(example, tmp_path, commands)
        assert ended.returncode == example.exit_code == 3
        assert list(pages.missing_lines(example, ended.stdout)) == missing
    assert pages.stray_marks("text\n<!-- run -->\n\n```bash\n```\n") == [2]
