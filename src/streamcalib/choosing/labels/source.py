"""Where labels come from, as ``--labels`` names it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, Self, get_args

from streamcalib.choosing.labels.coco import read_coco
from streamcalib.choosing.labels.labels import Gathering, Labels
from streamcalib.choosing.labels.table import LABEL_COLUMN, PATH_COLUMN, read_table
from streamcalib.choosing.labels.yolo import read_yolo
from streamcalib.errors import InputError
from streamcalib.images.places import extracted
from streamcalib.wording import printable

if TYPE_CHECKING:
    from collections.abc import Sequence

LabelKind = Literal["coco", "yolo", "folder", "csv"]


@dataclass(frozen=True)
class LabelSource:
    """Where it is written down which classes images show.

    Attributes
    ----------
    kind
        ``coco`` (annotations in JSON), ``yolo`` (one text file an image), ``folder`` (the name of
        the folder that an image lies in), or ``csv`` (a table).
    place
        The file, or of ``yolo`` the labels' folder or the data set's YAML; None where none is
        needed.
    label_column, path_column
        Of ``csv``: which column holds the class, and which one the image.

    Raises
    ------
    InputError
        If a file is missing that the kind needs, or given where none is read.
    """

    kind: LabelKind
    place: str | None = None
    label_column: str = LABEL_COLUMN
    path_column: str = PATH_COLUMN

    def __post_init__(self) -> None:
        if self.kind not in get_args(LabelKind):
            raise InputError(f"--labels must begin with {', '.join(get_args(LabelKind))}.")
        if self.kind in ("coco", "csv") and not self.place:
            raise InputError(
                f"--labels {self.kind} needs a file: --labels {self.kind}:FILE"
                + (", or --coco ROOT, whose annotations are found." if self.kind == "coco" else ".")
            )
        if self.kind == "folder" and self.place:
            raise InputError("--labels folder takes no file: the class is the image's folder.")

    @classmethod
    def parse(
        cls, text: str, *, label_column: str | None = None, path_column: str | None = None
    ) -> Self:
        """Return the source that ``coco:FILE``, ``yolo[:DIR]``, ``folder`` or ``csv:FILE`` names.

        Raises
        ------
        InputError
            If it is none of these, or columns are named of something else than a table.
        """
        kind, _, place = text.partition(":")
        if kind not in get_args(LabelKind):
            raise InputError(
                f"--labels {printable(text)} is none of coco:FILE, yolo, yolo:DIR, yolo:DATA.yaml, "
                "folder and csv:FILE."
            )
        if kind != "csv" and (label_column or path_column):
            raise InputError("--label-column and --path-column are for --labels csv:FILE.")
        return cls(
            kind,  # type: ignore[arg-type]
            place or None,
            label_column or LABEL_COLUMN,
            path_column or PATH_COLUMN,
        )

    def __str__(self) -> str:
        """Return it as ``--labels`` takes it."""
        return self.kind if self.place is None else f"{self.kind}:{self.place}"

    def read(self, population: Sequence[str]) -> Labels:
        """Return the classes of a population's images, in its order.

        Parameters
        ----------
        population
            Paths, members of archives and URLs, at least one, as `list_images` gives them.

        Raises
        ------
        ListError
            If the labels cannot be read, or are those of other images.
        MissingExtraError
            If a package is needed and absent; the message names the extra.
        """
        if self.kind == "coco":
            return read_coco(self.place or "", population)
        if self.kind == "yolo":
            return read_yolo(self.place, population)
        if self.kind == "csv":
            return read_table(
                self.place or "",
                population,
                label_column=self.label_column,
                path_column=self.path_column,
            )
        return _by_folder(population)


def _by_folder(population: Sequence[str]) -> Labels:
    gathered = Gathering(len(population), "of the images' folders")
    for image, entry in enumerate(population):
        gathered.add(image, extracted(entry).rpartition("/")[0].rpartition("/")[2] or "/")
    return gathered.labels()
