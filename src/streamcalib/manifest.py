"""The manifest: what a calibration set is, what it was made of, and with what."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any, Literal, Self

from streamcalib.datafile import parse_json, to_json
from streamcalib.errors import InputError, SetError
from streamcalib.extra_inputs import ExtraInput, is_input_name
from streamcalib.manifest_shape import amiss
from streamcalib.recipe import Recipe
from streamcalib.remotepath import read_file
from streamcalib.wording import printable

if TYPE_CHECKING:
    from streamcalib.remotepath import SetPath

StoreKind = Literal["final", "uint8"]
"""What rows are on disk: the recipe's values, or the canvas as (3, H, W) uint8."""

FORMAT = "streamcalib-set"
VERSION = 1


@dataclass(frozen=True, kw_only=True)
class Manifest:
    """The record beside a set, ``calib.npy.json`` of ``calib.npy``.

    Attributes
    ----------
    shape, dtype, layout
        Of the array as stored.
    store
        ``final``: the recipe's values. ``uint8``: canvases (3, H, W), which are encoded when read.
    input_name
        The graph input that the rows are for, and the member's name in an ``.npz``.
    extra_inputs
        The model's further inputs: name to ``{"value", "dtype"}`` of one row, the same for all;
        with ``"shape"`` if the value fills a row.
    recipe, recipe_fingerprint
        What the rows are, and the SHA-256 of what decides their bytes.
    value_range
        ``expected`` and ``observed``: [lowest, highest] in the recipe's values.
    images
        The image list: file, checksums, root, how it was chosen.
    decoder, versions
        What made the rows.
    on_bad, failures
        How bad images were treated, and each of them: ``path``, ``reason``, ``list_row``.
    environment, links
        Environment variables that name a folder the images lie in, and symbolic links on the way
        to them with what they point to.
    commands
        Commands that use or remake the set.
    created
        When the set was finished, UTC, ISO 8601.
    rows
        One record a row, or, for large sets, the side file that holds them: ``file``, ``sha256``.
    checksums
        How the checksums of ``rows`` are computed.
    model
        The ONNX file that the set was built for (`model_facts`), or None.
    """

    shape: tuple[int, ...]
    dtype: str
    layout: str
    store: StoreKind
    input_name: str
    extra_inputs: dict[str, dict[str, Any]]
    recipe: Recipe
    recipe_fingerprint: str
    value_range: dict[str, list[float]]
    images: dict[str, Any]
    decoder: str
    versions: dict[str, str]
    on_bad: str
    failures: list[dict[str, Any]]
    environment: dict[str, str]
    links: dict[str, str]
    commands: dict[str, str]
    created: str
    rows: list[dict[str, Any]] | dict[str, str]
    checksums: dict[str, str]
    model: dict[str, Any] | None = None

    def to_json(self) -> str:
        """Return the manifest as JSON."""
        values = {name: getattr(self, name) for name in (f.name for f in fields(self))}
        values["recipe"] = self.recipe.to_dict()
        return to_json({"format": FORMAT, "version": VERSION, **values}) + "\n"

    @classmethod
    def read(cls, data: SetPath) -> Self:
        """Read the manifest beside a set's data file.

        Raises
        ------
        SetError
            If there is none, or it is not one that this version of streamcalib understands.
        """
        path = manifest_path(data)
        shown = printable(str(path))
        try:
            values = parse_json(read_file(path))
        except FileNotFoundError as error:
            raise SetError(
                f"{printable(str(data))} has no manifest: {shown} is missing. A set is its data "
                "file and its manifest together; copy both."
            ) from error
        except (OSError, ValueError) as error:
            raise SetError(f"the manifest {shown} cannot be read: {error}.") from error
        if not isinstance(values, dict) or values.pop("format", None) != FORMAT:
            raise SetError(f"{shown} is not the manifest of a calibration set.")
        if (found := values.pop("version", None)) != VERSION:
            raise SetError(
                f"the manifest {shown} has version {repr(found)[:20]}, and this streamcalib reads "
                f"version {VERSION}: use the streamcalib that wrote it, or build the set again."
            )
        return cls._from_values(values, shown)

    @classmethod
    def _from_values(cls, values: dict[str, Any], shown: str) -> Self:
        known = {f.name for f in fields(cls)}
        if set(values) != known:
            wrong = min(set(values) ^ known)
            raise SetError(f"the manifest {shown} is damaged: field {wrong!r} is amiss.")
        if bad := amiss(values):
            raise SetError(f"the manifest {shown} is damaged: field {bad!r} is amiss.")
        try:
            recipe = Recipe.from_dict(values["recipe"])
            for name, extra in values["extra_inputs"].items():
                ExtraInput.from_dict(name, extra)
        except InputError as error:
            raise SetError(f"the manifest {shown} is damaged: {error}") from error
        if not is_input_name(values["input_name"]):
            raise SetError(f"the manifest {shown} is damaged: field 'input_name' is amiss.")
        is_final = values["store"] == "final"
        row = recipe.row_shape if is_final else (3, recipe.height, recipe.width)
        if (*values["shape"][1:], values["dtype"]) != (*row, recipe.dtype if is_final else "uint8"):
            raise SetError(
                f"the manifest {shown} is damaged: its shape and dtype are not its recipe's."
            )
        return cls(**{**values, "shape": tuple(values["shape"]), "recipe": recipe})


def manifest_path(data: SetPath) -> SetPath:
    """Return the path of a set's manifest."""
    return data.with_name(data.name + ".json")


def card_path(data: SetPath) -> SetPath:
    """Return the path of a set's Markdown card."""
    return data.with_name(data.name + ".md")


def rows_path(data: SetPath) -> SetPath:
    """Return the path of the side file that holds a large set's rows, one JSON object a line."""
    return data.with_name(data.name + ".rows.jsonl")


def side_paths(data: SetPath) -> tuple[SetPath, SetPath, SetPath]:
    """Return all side files that a set may have."""
    return manifest_path(data), card_path(data), rows_path(data)
