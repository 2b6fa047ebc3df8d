"""The recipe that a user's options add up to."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from streamcalib.datafile import read_data
from streamcalib.errors import RecipeError
from streamcalib.presets import DEFAULT_PRESET, find_preset
from streamcalib.recipe import Recipe
from streamcalib.wording import printable

if TYPE_CHECKING:
    from os import PathLike

    from streamcalib.recipe_fields import DType

_MOST_BYTES = 10**6


def choose_recipe(
    *,
    preset: str | None = None,
    file: str | PathLike[str] | None = None,
    model: str | PathLike[str] | None = None,
    imgsz: str | None = None,
    dtype: DType | None = None,
    input_name: str | None = None,
) -> Recipe:
    """Return the recipe of a JSON file, of a model, or of a preset, in this order.

    ``preset`` says how images are made for a model that does not say it; ``input_name`` which of
    its image inputs they are for.

    Raises
    ------
    RecipeError
        If options contradict each other or the model, or the file is no recipe.
    ModelError
        If the model cannot be served.
    """
    if file is not None:
        given = {"--preset": preset, "--imgsz": imgsz, "--dtype": dtype}
        if clash := [option for option, value in given.items() if value is not None]:
            raise RecipeError(f"--recipe says it all: leave {' and '.join(clash)} out.")
        return _read(Path(file))
    if preset is not None:
        find_preset(preset)
    if model is not None:
        return Recipe.from_onnx(
            model, imgsz=imgsz, dtype=dtype, preset=preset, input_name=input_name
        )
    return Recipe.preset(preset or DEFAULT_PRESET, imgsz, dtype=dtype or "float32")


def _read(path: Path) -> Recipe:
    shown = printable(str(path))
    try:
        return Recipe.from_json(read_data(path, _MOST_BYTES).decode("utf-8"))
    except RecipeError as error:
        raise RecipeError(f"--recipe {shown}: {error}") from error
    except UnicodeDecodeError as error:
        raise RecipeError(f"--recipe {shown} cannot be read: it is not UTF-8 text.") from error
    except OSError as error:
        raise RecipeError(f"--recipe {shown} cannot be read: {error.strerror}.") from error
    except ValueError as error:
        raise RecipeError(f"--recipe {shown} cannot be read: {error}.") from error
