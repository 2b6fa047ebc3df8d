"""Short names for what a set holds, to key calibration caches with."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from streamcalib.errors import ModelError
from streamcalib.manifest_rows import stored_checksums
from streamcalib.wording import printable

if TYPE_CHECKING:
    from collections.abc import Iterator
    from os import PathLike

    from streamcalib.manifest import Manifest

_DIGITS = 12


class _Set(Protocol):
    """What an id follows from."""

    @property
    def id(self) -> str: ...

    manifest: Manifest

    def row_records(self) -> Iterator[dict[str, Any]]: ...


class Identified:
    """What calibration caches of a set are called."""

    @property
    def id(self: _Set) -> str:
        """Twelve hex digits that are the same for sets of the same values, in whatever store.

        They follow from the recipe, the checksums of all canvases in their order, and the values
        of further inputs. Raises `SetError` if the manifest's records of rows are damaged.
        """
        digest = hashlib.sha256(self.manifest.recipe.fingerprint.encode())
        digest.update(json.dumps(self.manifest.extra_inputs, sort_keys=True).encode())
        digest.update(stored_checksums(self.row_records(), "uint8").astype("<u4").tobytes())
        return digest.hexdigest()[:_DIGITS]

    def cache_name(self: _Set, model: str | PathLike[str]) -> str:
        """Return a file name for a quantizer's calibration cache of this set and a model.

        Another set, or another model under the same name, has another, so that no stale cache is
        ever found.

        Raises
        ------
        ModelError
            If the model cannot be read.
        """
        path = Path(model)
        try:
            with path.open("rb") as file:
                digest = hashlib.file_digest(file, "sha256").hexdigest()[:_DIGITS]
        except OSError as error:
            raise ModelError(
                f"the model {printable(str(path))} cannot be read: {error.strerror or error}."
            ) from error
        return f"{path.stem}.{self.id}.{digest}.cache"
