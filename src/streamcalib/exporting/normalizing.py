"""Mean and standard deviation, as other tools are to be told them."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from streamcalib.recipe import Recipe

_DIGITS = 9


class Normalization(NamedTuple):
    """What a tool must do with the values ``x`` of a file, by channel: ``(x - mean) / std``.

    Attributes
    ----------
    mean, std
        In the units of the file, per channel in its order.
    """

    mean: tuple[float, ...]
    std: tuple[float, ...]

    @property
    def is_identity(self) -> bool:
        """Whether the values are what the model takes already."""
        return not any(self.mean) and set(self.std) == {1.0}


def normalization(recipe: Recipe, written: Recipe) -> Normalization:
    """Return what makes the values of ``recipe`` of those that were ``written``.

    Both are of the same canvases. A canvas's ``v`` becomes ``(v / scale - mean) / std`` by either;
    solved for the written value ``x``, the recipe's is ``(x - mean') / std'`` again.
    """
    factor = recipe.scale / written.scale
    means, stds = [], []
    for mean, std, mine, my in zip(recipe.mean, recipe.std, written.mean, written.std, strict=True):
        # v / written.scale = x * my + mine, so x' = ((x * my + mine) / factor - mean) / std.
        means.append((mean * factor - mine) / my)
        stds.append(std * factor / my)
    return Normalization(tuple(map(_rounded, means)), tuple(map(_rounded, stds)))


def numbers(values: tuple[float, ...]) -> str:
    """Return numbers as Python, JSON and model scripts write them: ``[123.675, 116.28]``."""
    return f"[{', '.join(f'{value:.{_DIGITS}g}' for value in values)}]"


def _rounded(value: float) -> float:
    """Return a number without the error of having computed it, which no ``float32`` holds."""
    return float(f"{value:.{_DIGITS}g}")
