"""What decides the bytes of a build's rows, so that two builds are never mixed in one set."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Self

from streamcalib.errors import RecipeError
from streamcalib.pixels.decoding import describe_decoder
from streamcalib.recipe import Recipe
from streamcalib.surroundings import versions

if TYPE_CHECKING:
    from streamcalib.building.prepare import PreparedBuild
    from streamcalib.plan import Plan

_ROW_MAKERS = ("numpy", "opencv-python-headless", "opencv-python", "pillow", "streamcalib")


@dataclass(frozen=True, kw_only=True)
class Identity:
    """What decides the bytes of a build's rows.

    Attributes
    ----------
    recipe
        What a row is.
    images, count, entries_sha256
        The list: its name, its length, and the SHA-256 of its entries.
    staged
        What workers write: ``final`` values, or ``uint8`` canvases; and where to, if to zarr.
    tolerate_damage
        Whether damaged images become rows.
    """

    recipe: Recipe
    images: str
    count: int
    entries_sha256: str
    staged: str
    tolerate_damage: bool

    @classmethod
    def of(cls, prepared: PreparedBuild) -> Self:
        """Return the identity of a build."""
        return cls(
            recipe=prepared.recipe,
            images=prepared.images.label,
            count=len(prepared.images),
            entries_sha256=prepared.images.entries_sha256,
            staged=_staged(prepared.plan),
            tolerate_damage=prepared.options.tolerate_damage,
        )

    def to_dict(self) -> dict[str, Any]:
        """Return the fields as JSON takes them."""
        return {**asdict(self), "recipe": self.recipe.to_dict()}

    @classmethod
    def from_dict(cls, values: object) -> Self:
        """Return what `to_dict` was called on; raises ``ValueError`` for anything else."""
        if not isinstance(values, dict):
            raise ValueError("it is no object")
        try:
            found = cls(**{**values, "recipe": Recipe.from_dict(values["recipe"])})
        except (TypeError, KeyError, RecipeError) as error:
            raise ValueError(str(error)) from error
        texts = (found.images, found.entries_sha256, found.staged)
        kinds = isinstance(found.count, int) and isinstance(found.tolerate_damage, bool)
        if not kinds or not all(isinstance(text, str) for text in texts):
            raise ValueError("a field has another type")
        return found

    def differences(self, asked: Identity) -> list[str]:
        """Return ``what: mine, not what is asked for`` for everything that differs."""
        lines = [f"recipe, {line}" for line in self.recipe.differences(asked.recipe)]
        if self.entries_sha256 != asked.entries_sha256:
            lines.append(
                f"list: {self.images} of {self.count} images, not {asked.images} of {asked.count}"
            )
        if self.staged != asked.staged:
            lines.append(f"rows on disk: {self.staged}, not {asked.staged}")
        if self.tolerate_damage != asked.tolerate_damage:
            lines.append(f"tolerate damage: {self.tolerate_damage}, not {asked.tolerate_damage}")
        return lines


def _staged(plan: Plan) -> str:
    if plan.zarr is None:
        return plan.staged
    compression = "" if plan.compression == "none" else f", {plan.compression}"
    return f"{plan.staged} in zarr{compression}"


def made_with(prepared: PreparedBuild) -> dict[str, str]:
    """Return the decoder and the versions of what makes rows."""
    found = versions(with_pillow=prepared.recipe.uses_pillow)
    return {
        "decoder": describe_decoder(prepared.recipe, prepared.options.decoder),
        **{name: found[name] for name in _ROW_MAKERS if name in found},
    }
