"""What comparing sets with a pool found."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from streamcalib.choosing.activations.workers import Unmeasured
    from streamcalib.choosing.comparing.membership import Outside
    from streamcalib.choosing.comparing.outputs import OutputDifference

_PERCENTS = (0, 5, 50, 95, 100)


@dataclass(frozen=True, kw_only=True)
class SetDistance:
    """How far one set is from the pool.

    Attributes
    ----------
    name
        The list, as given; with a number behind it if an earlier one has the same name.
    images
        How many of its images were measured; those that could not be are in `Comparison.bad`.
    ks_mean, ks_worst, ks_worst_tensor
        Kolmogorov-Smirnov distance to the pool, 0 to 1: mean over the tensors, the largest one,
        and whose it is.
    shortfall
        Part of the pool's largest magnitude that the set does not reach, 0 to 1: mean over tensors.
    entropy_change, percentile_change
        How much the thresholds of these calibrators differ from those of the pool, as a part of
        them: mean over tensors.
    ks_beats, ks_worst_beats, shortfall_beats
        Part of the random draws of the same size that are farther from the pool by ``ks_mean``, by
        ``ks_worst`` and by ``shortfall``.
    """

    name: str
    images: int
    ks_mean: float
    ks_worst: float
    ks_worst_tensor: str
    shortfall: float
    entropy_change: float
    percentile_change: float
    ks_beats: float
    ks_worst_beats: float
    shortfall_beats: float


@dataclass(frozen=True, kw_only=True)
class Draws:
    """Random draws of one size: distances to the pool, one number a draw.

    Attributes
    ----------
    ks, ks_worst, shortfall
        As ``ks_mean``, ``ks_worst`` and ``shortfall`` of `SetDistance`: (draws,).
    """

    ks: NDArray[np.float64]
    ks_worst: NDArray[np.float64]
    shortfall: NDArray[np.float64]

    def to_dict(self) -> dict[str, Any]:
        """Return percentiles, ready for JSON."""
        return {
            "ks_mean": _percentiles(self.ks),
            "ks_worst": _percentiles(self.ks_worst),
            "shortfall": _percentiles(self.shortfall),
        }


class ClassDraws(NamedTuple):
    """Random draws of one size: how far their class shares are from the pool's, one number a draw.

    Attributes
    ----------
    mean_difference
        Mean absolute difference of the shares of the pool's classes, 0 to 1: (draws,).
    largest_difference
        The largest one: (draws,).
    missing
        How many of the pool's classes no image shows: (draws,).
    """

    mean_difference: NDArray[np.float64]
    largest_difference: NDArray[np.float64]
    missing: NDArray[np.float64]

    def to_dict(self) -> dict[str, Any]:
        """Return percentiles, ready for JSON."""
        return {
            "class_mean_difference": _percentiles(self.mean_difference),
            "class_largest_difference": _percentiles(self.largest_difference),
            "classes_missing": _percentiles(self.missing),
        }


def _percentiles(values: NDArray[np.float64]) -> dict[str, float]:
    return {f"p{percent}": float(np.percentile(values, percent)) for percent in _PERCENTS}


@dataclass(frozen=True, kw_only=True)
class Comparison:
    """What `compare` found.

    Attributes
    ----------
    pool, pool_images
        The pool as given, and how many of its images were measured, or found.
    model, tensors
        The model and how many of its tensors were looked at, if one was given.
    sets
        One a list, in the order of the lists; empty without a model.
    draws
        Random draws, by size.
    classes
        How the class shares of each list compare with the pool's, by the list's name; empty without
        labels. ``..._beats`` are the parts of the random draws of the same size that are farther
        from the pool, or show fewer of its classes; None of a list that is larger than the pool.
    outputs
        How INT8 models of each list differ from the FP32 model; empty if that was not asked for.
    held_out
        On how many images.
    bad
        Images that could not be measured, or found, with the reason.
    outside
        How many images of each list are not of the pool, by the list's name.
    class_draws
        Class shares of the random draws, by size; empty without labels.
    seed, draws_each
        Of the draws, and how many there are of each size.
    """

    pool: str
    pool_images: int
    model: str | None
    tensors: int
    sets: tuple[SetDistance, ...]
    draws: dict[int, Draws]
    classes: dict[str, dict[str, Any]]
    bad: tuple[Unmeasured, ...]
    seed: int
    draws_each: int
    outputs: tuple[OutputDifference, ...] = ()
    held_out: int = 0
    outside: dict[str, Outside] = field(default_factory=dict)
    class_draws: dict[int, ClassDraws] = field(default_factory=dict)

    def to_dict(self) -> dict[str, Any]:
        """Return everything ready for JSON; of the draws, percentiles."""
        return {
            "format": "streamcalib-comparison",
            "version": 1,
            "pool": self.pool,
            "pool_images": self.pool_images,
            "model": self.model,
            "tensors": self.tensors,
            "seed": self.seed,
            "draws": self.draws_each,
            "sets": [asdict(one) for one in self.sets],
            "random": {str(size): self._drawn(size) for size in self.sizes},
            "classes": self.classes,
            "int8": [one._asdict() for one in self.outputs],
            "held_out": self.held_out,
            "outside": {name: one._asdict() for name, one in self.outside.items()},
            "bad": [one._asdict() for one in self.bad],
        }

    @property
    def sizes(self) -> list[int]:
        """Sizes of which there are random draws, ascending."""
        return sorted({*self.draws, *self.class_draws})

    def _drawn(self, size: int) -> dict[str, Any]:
        kinds = (self.draws.get(size), self.class_draws.get(size))
        return {name: value for kind in kinds if kind for name, value in kind.to_dict().items()}
