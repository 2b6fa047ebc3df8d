"""One page a command, made of the command line itself: nobody has to keep it up to date."""

from __future__ import annotations

import inspect
import re
from typing import TYPE_CHECKING

import click

from streamcalib.cli import commands

if TYPE_CHECKING:
    from collections.abc import Iterator

_WIDTH = 10_000


def command_names() -> list[str]:
    """Return the names of all commands, in the order of ``streamcalib --help``."""
    return list(commands.list_commands(click.Context(commands)))


def overview() -> str:
    """Return the page that names all commands, as Markdown."""
    lines = [
        "# Commands",
        "",
        *_words(commands.help or ""),
        "",
        "| command | what |",
        "| --- | --- |",
    ]
    for name in command_names():
        command = commands.commands[name]
        lines.append(f"| [`{name}`]({name}.md) | {_cell(command.get_short_help_str(_WIDTH))} |")
    return "\n".join([*lines, ""])


def command_page(name: str) -> str:
    """Return the page of a command, with every option, as Markdown."""
    return "\n".join(_described(commands.commands[name], f"streamcalib {name}", "#"))


def _described(command: click.Command, name: str, heading: str) -> Iterator[str]:
    """Yield what there is to know of a command, then of the commands that it has."""
    context = click.Context(command, info_name=name, max_content_width=_WIDTH, show_default=True)
    usage = " ".join(command.collect_usage_pieces(context))
    yield from (f"{heading} {name}", "", "```", f"{name} {usage}", "```", "")
    yield from (*_words(command.help or ""), "", "| option | what |", "| --- | --- |")
    for parameter in command.get_params(context):
        record = parameter.get_help_record(context)
        if record is not None:
            yield f"| <code>{_text(record[0])}</code> | {_cell(record[1])} |"
    yield ""
    if isinstance(command, click.Group):
        for inner in command.list_commands(context):
            yield from _described(command.commands[inner], f"{name} {inner}", f"{heading}#")


def _words(text: str) -> Iterator[str]:
    """Yield a help text's paragraphs as Markdown; what click leaves as it is stays so."""
    for paragraph in inspect.cleandoc(text).split("\n\n"):
        if paragraph.startswith("\b"):
            yield from ("```", *paragraph.splitlines()[1:], "```", "")
        else:
            yield from (_text(" ".join(paragraph.split())), "")


def _cell(text: str) -> str:
    return _text(" ".join(text.split()))


def _text(text: str) -> str:
    return re.sub(r"[&<>|*_\[\]{}`\\]", lambda found: f"&#{ord(found[0])};", text)
