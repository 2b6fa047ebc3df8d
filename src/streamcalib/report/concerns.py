"""What a person should know before the set is used."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from streamcalib.amounts import advice
from streamcalib.wording import counted

if TYPE_CHECKING:
    from streamcalib.manifest import Manifest
    from streamcalib.report.survey import Survey

_ADVISERS = ("nncf", "ultralytics", "modelopt", "tensorrt", "aimet", "hailo", "rknn")
_MOST_PADDING = 0.5


class _Limit(NamedTuple):
    """How many rows may bear a mark before it is a concern, and why it is one."""

    share: float
    why: str


_LIMITS = {
    "damaged": _Limit(0, "Copy the set again from where it is whole, or build it again."),
    "constant": _Limit(0, "They tell a quantizer nothing; most often their files are broken."),
    "flat": _Limit(0.02, "They tell a quantizer little."),
    "dark": _Limit(0.1, "If the model meets few such images, the set is not like its work."),
    "bright": _Limit(0.1, "If the model meets few such images, the set is not like its work."),
    "colourless": _Limit(0.1, "If the model meets colour images, the set is not like its work."),
    "padded": _Limit(0.1, "A quantizer sees hardly anything of them but padding."),
    "enlarged": _Limit(0.1, "They are smoother than images that need no enlarging."),
    "repeated": _Limit(0, "They count twice, and are one picture less to choose scales by."),
    "alike": _Limit(0.02, "They are less to choose scales by than as many different pictures."),
}


_TITLES = {
    "damaged": "damaged, not what was written",
    "constant": "a picture of one value only",
    "flat": "a picture nearly of one colour",
    "dark": "dark",
    "bright": "bright",
    "colourless": "without colour",
    "padded": "mostly padding",
    "enlarged": "enlarged more than twice",
    "repeated": "the same picture as another row's",
    "alike": "nearly the same picture as another row's",
}


class Concern(NamedTuple):
    """Something to know.

    Attributes
    ----------
    title, text
        What it is, and what follows from it.
    mark
        Which rows it is about; empty if it is about the whole set.
    is_serious
        Whether the set should not be used as it is.
    """

    title: str
    text: str
    mark: str = ""
    is_serious: bool = False


def concerns(survey: Survey, manifest: Manifest) -> list[Concern]:
    """Return what there is to know, the worst first."""
    found = [*_of_rows(survey), *_of_values(manifest), *_of_the_set(survey, manifest)]
    return sorted(found, key=lambda concern: not concern.is_serious)


def _of_rows(survey: Survey) -> list[Concern]:
    found = []
    for mark, limit in _LIMITS.items():
        count = survey.marked.counts.get(mark, 0)
        if count > limit.share * survey.rows:
            share = f"{counted(count, 'row')} of {survey.rows:,}"
            found.append(Concern(f"{share}: {_TITLES[mark]}", limit.why, mark, mark == "damaged"))
    return found


def _of_values(manifest: Manifest) -> list[Concern]:
    expected, observed = manifest.value_range["expected"], manifest.value_range["observed"]
    shown = f"{observed[0]:.6g} to {observed[1]:.6g}"
    if observed[0] < expected[0] or observed[1] > expected[1]:
        text = f"The recipe gives {expected[0]:.6g} to {expected[1]:.6g}: build the set again."
        return [Concern(f"Values of {shown} are out of the recipe's range", text, "", True)]
    if observed[1] - observed[0] < (expected[1] - expected[0]) / 2:
        text = (
            f"The recipe can give {expected[0]:.6g} to {expected[1]:.6g}. Scales chosen on this "
            "set clip what is beyond."
        )
        return [Concern(f"Values reach from {shown} only", text)]
    return []


def _of_the_set(survey: Survey, manifest: Manifest) -> list[Concern]:
    found = []
    if survey.rows < advice(_ADVISERS[0]).minimum:
        found.append(
            Concern(
                f"{counted(survey.rows, 'row')} only",
                f"{'; '.join(advice(consumer).words for consumer in _ADVISERS)}.",
            )
        )
    if survey.padding_share > _MOST_PADDING:
        found.append(
            Concern(
                f"{survey.padding_share:.0%} of all values are padding",
                "The canvas has another shape than the images: see whether its size is the one "
                "that the model is used with.",
            )
        )
    if manifest.failures:
        treated = {"skip": "left out", "replace": "replaced by spares"}.get(manifest.on_bad, "bad")
        found.append(
            Concern(
                f"{counted(len(manifest.failures), 'bad image')} {treated}",
                "They are listed below with their reasons.",
            )
        )
    return found
