"""Classes from a table: a CSV file with a column of images and one of classes."""

from __future__ import annotations

import csv
import io
from pathlib import Path
from typing import TYPE_CHECKING

from streamcalib.choosing.labels.labels import Gathering, Labels
from streamcalib.choosing.labels.positions import Positions
from streamcalib.datafile import open_data
from streamcalib.errors import ListError
from streamcalib.wording import printable

if TYPE_CHECKING:
    from collections.abc import Sequence

LABEL_COLUMN = "class"
PATH_COLUMN = "image"


def read_table(
    file: str,
    population: Sequence[str],
    *,
    label_column: str = LABEL_COLUMN,
    path_column: str = PATH_COLUMN,
) -> Labels:
    """Return the classes of a population's images by the rows of a CSV file with a header.

    An image that several rows name shows all of their classes; an empty class is none. Rows of
    other images are passed over. The file is read row by row.

    Raises
    ------
    ListError
        If it cannot be read, is not UTF-8, lacks a column, or speaks of other images.
    """
    shown = printable(file)
    gathered, positions = Gathering(len(population), shown), Positions(population, shown)
    is_known = False
    try:
        with io.TextIOWrapper(open_data(Path(file)), "utf-8-sig", newline="") as text:
            rows = csv.reader(text)
            columns = [name.strip() for name in next(rows, [])]
            image_at = _column(columns, path_column, "--path-column", shown)
            class_at = _column(columns, label_column, "--label-column", shown)
            for row in rows:
                if not row:
                    continue
                if len(row) <= max(image_at, class_at):
                    raise ListError(f"line {rows.line_num} of {shown} has too few columns.")
                image = positions.of(row[image_at])
                if image is None:
                    continue
                is_known = True
                gathered.know(image)
                if name := row[class_at].strip():
                    gathered.add(image, name)
    except ListError:
        raise
    except OSError as error:
        raise ListError(f"the labels {shown} cannot be read: {error.strerror}.") from error
    except (ValueError, csv.Error) as error:
        raise ListError(f"the labels {shown} cannot be read: {printable(str(error))}.") from error
    if not is_known:
        raise ListError(
            f"the column {printable(path_column)!r} of {shown} names none of the "
            f"{len(population)} images, which are named like {printable(population[0])}."
        )
    return gathered.labels()


def _column(columns: list[str], name: str, option: str, shown: str) -> int:
    if name in columns:
        return columns.index(name)
    there = ", ".join(printable(column) for column in columns[:20]) or "nothing"
    raise ListError(
        f"{shown} has no column {printable(name)!r}, but {there}: say which one with {option}."
    )
