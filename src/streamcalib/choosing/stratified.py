"""The choice whose classes are seen as often as in the pool, the rare ones included."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from streamcalib.choosing.labels.balancing import TOLERANCE, balance
from streamcalib.choosing.labels.shares import class_shares, compared
from streamcalib.choosing.strategies import SPARES_RULE, Choice, StrategyName, Wanted, draw

if TYPE_CHECKING:
    from collections.abc import Sequence

    from streamcalib.choosing.labels.source import LabelSource

STRATIFIED_RULE = (
    "the random choice of this seed, images exchanged until class shares are near the pool's and "
    "rare classes present"
)
_MOST_SHARES = 1000


@dataclass(frozen=True)
class Stratified:
    """Class shares as in the pool, and every class present for which there is room.

    It begins with the seed's random choice and exchanges images while that improves it, so what
    labels do not tell stays as random as it was. A list of more images does not begin with a list
    of fewer.

    Attributes
    ----------
    labels
        Where it is written down which classes images show.
    """

    labels: LabelSource
    name: ClassVar[StrategyName] = "stratified"

    def choose(self, population: Sequence[str], wanted: Wanted) -> Choice:
        """Choose by the classes of the population's images; see `Strategy`.

        Raises
        ------
        ListError, MissingExtraError
            As `LabelSource.read` does.
        """
        labels = self.labels.read(population)
        drawn, spares = draw(population, wanted.count, wanted.seed, wanted.spares)
        index = {path: number for number, path in enumerate(population)}
        indexes = balance(labels, [index[path] for path in drawn], wanted.seed)
        chosen = [population[number] for number in indexes]
        # An image that came in may have been a spare; the one that it took the place of is one now.
        gone = iter(sorted(set(drawn) - set(chosen)))
        taken = set(chosen)
        spares = [next(gone) if path in taken else path for path in spares]
        source = self.labels
        columns = {"label_column": source.label_column, "path_column": source.path_column}
        facts: dict[str, Any] = {
            "labels": str(source),
            **(columns if source.kind == "csv" else {}),
            "images_without_labels": labels.unknown,
            "tolerance": TOLERANCE,
            "class_shares": compared(
                class_shares(labels), class_shares(labels, indexes), _MOST_SHARES
            ),
        }
        return Choice(
            chosen,
            spares,
            STRATIFIED_RULE,
            f"{SPARES_RULE}, those exchanged for ones that were chosen after all",
            facts,
        )
