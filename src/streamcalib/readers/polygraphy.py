"""Polygraphy's data loader."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from streamcalib.errors import ModelError
from streamcalib.readers.reader import CalibrationReader

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping


class PolygraphyLoader(CalibrationReader):
    """A ``data_loader`` for Polygraphy's ``Calibrator`` and comparators (0.53).

    It is iterated anew for every network. Polygraphy tells a loader what the network takes by
    setting ``input_metadata``, before the first step; a calibrator that then meets a step of
    another shape swallows its own error and ends calibration with what it has. So it is refused
    here.
    Parameters and attributes are those of `CalibrationReader`.
    """

    _metadata: Mapping[str, Iterable[Any]] | None = None

    @property
    def input_metadata(self) -> Mapping[str, Iterable[Any]] | None:
        """What the network takes: input name to dtype and shape; None before that is told.

        Setting it raises `ModelError` if steps are not what it says.
        """
        return self._metadata

    @input_metadata.setter
    def input_metadata(self, metadata: Mapping[str, Iterable[Any]] | None) -> None:
        if metadata is not None and (wrong := list(self._wrong(metadata))):
            listing = (
                f" {wrong[0]}" if len(wrong) == 1 else "".join(f"\n- {each}" for each in wrong)
            )
            raise ModelError(f"{self.source.shown} does not fit the network:{listing}")
        self._metadata = metadata

    def _wrong(self, metadata: Mapping[str, Iterable[Any]]) -> Iterator[str]:
        given = self.signature()
        if unknown := sorted(set(given) - set(metadata)):
            yield (
                f"it takes {', '.join(map(repr, metadata))}, and not "
                f"{', '.join(map(repr, unknown))}: pass input_name, or build the set for this "
                "model (--model)."
            )
        for name, (dtype, shape) in metadata.items():
            if name not in given:
                yield (
                    f"it takes {name!r}, of which the set says nothing: pass input_name, or build "
                    "the set with --extra-input."
                )
                continue
            has_dtype, has_shape = given[name]
            if dtype is not None and dtype.name.lower() != has_dtype:
                yield f"its input {name!r} is {dtype.name.lower()}, and the set's is {has_dtype}."
            if shape is not None and not _fits(has_shape, tuple(shape)):
                yield (
                    f"its input {name!r} is {_in_words(shape)}, and steps are "
                    f"{_in_words(has_shape)}: pass batch_size or layout, or build the set for this "
                    "model (--model)."
                )


def _fits(given: tuple[int, ...], wanted: tuple[Any, ...]) -> bool:
    return len(given) == len(wanted) and all(
        have == want or _is_open(want) for have, want in zip(given, wanted, strict=True)
    )


def _is_open(side: Any) -> bool:
    return not isinstance(side, int) or side < 0


def _in_words(shape: Iterable[Any]) -> str:
    return "x".join("?" if _is_open(side) else str(side) for side in shape)
