"""Which decoder a recipe's images go through, and what it is called."""

from __future__ import annotations

from typing import TYPE_CHECKING

from streamcalib.pixels.decode import MAX_PIXELS, Decoded, decode
from streamcalib.pixels.pillow import decode_with_pillow, describe_pillow
from streamcalib.pixels.turbo import find_decoder

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy as np
    from numpy.typing import NDArray

    from streamcalib.pixels.turbo import DecoderName, TurboDecoder
    from streamcalib.recipe import Recipe


def decode_for(
    recipe: Recipe,
    data: bytes,
    decoder: TurboDecoder,
    *,
    max_pixels: int = MAX_PIXELS,
    tolerate_damage: bool = False,
    window: Callable[[int, int], NDArray[np.uint8] | None] | None = None,
) -> Decoded:
    """Decode an image file as a recipe says; parameters and errors are those of `decode`.

    Pillow's pixels are never decoded into a ``window``.
    """
    if recipe.decoder == "pil":
        image = decode_with_pillow(
            data,
            channel_order=recipe.channel_order,
            max_pixels=max_pixels,
            tolerate_damage=tolerate_damage,
        )
        return Decoded(image, "pillow")
    return decode(
        data,
        decoder,
        channel_order=recipe.channel_order,
        orientation=recipe.orientation,
        max_pixels=max_pixels,
        tolerate_damage=tolerate_damage,
        window=window,
    )


def describe_decoder(recipe: Recipe, name: DecoderName) -> str:
    """Return what decodes a recipe's images, with its version and its library's."""
    return describe_pillow() if recipe.decoder == "pil" else find_decoder(name).describe()
