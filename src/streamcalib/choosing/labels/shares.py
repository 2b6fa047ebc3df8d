"""How often each class is seen in a set of images."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterable

    from numpy.typing import NDArray

    from streamcalib.choosing.labels.labels import Labels


class ClassShares(NamedTuple):
    """How many of some images show each class.

    Attributes
    ----------
    classes
        Names, as in `Labels`.
    counts
        Images that show each class, (classes,).
    images
        How many images there are.
    without
        How many of them show no class.
    """

    classes: tuple[str, ...]
    counts: NDArray[np.int64]
    images: int
    without: int

    @property
    def shares(self) -> NDArray[np.float64]:
        """Part of the images that shows each class, 0 to 1; several may be seen in one image."""
        return self.counts / max(1, self.images)


def class_shares(labels: Labels, images: Iterable[int] | None = None) -> ClassShares:
    """Count the classes of images, given as indexes into the population; by default of all."""
    chosen = np.arange(len(labels)) if images is None else np.fromiter(images, np.int64)
    starts = labels.starts[chosen]
    sizes = labels.starts[chosen + 1] - starts
    ends = np.cumsum(sizes)
    # The members of all chosen images, one image after another.
    within = np.arange(ends[-1] if len(ends) else 0) - np.repeat(ends - sizes, sizes)
    members = labels.members[np.repeat(starts, sizes) + within]
    return ClassShares(
        labels.classes,
        np.bincount(members, minlength=len(labels.classes)),
        len(chosen),
        int((sizes == 0).sum()),
    )


def compared(pool: ClassShares, chosen: ClassShares, most: int) -> dict[str, Any]:
    """Return how two counts of the same classes compare, ready for JSON.

    Classes that the pool does not have are none of those present.

    Parameters
    ----------
    most
        How many classes are told one by one, those that most of the pool's images show first.
    """
    order = np.lexsort((np.arange(len(pool.counts)), -pool.counts))[:most].tolist()
    difference = np.abs(pool.shares - chosen.shares)
    return {
        "classes": int((pool.counts > 0).sum()),
        "classes_chosen": int(((chosen.counts > 0) & (pool.counts > 0)).sum()),
        "largest_difference": round(float(difference.max(initial=0.0)), 6),
        "images_without_class": {"pool": pool.without, "chosen": chosen.without},
        "shares": [
            {
                "class": pool.classes[index],
                "pool": round(float(pool.shares[index]), 6),
                "chosen": round(float(chosen.shares[index]), 6),
                "chosen_images": int(chosen.counts[index]),
            }
            for index in order
        ],
    }
