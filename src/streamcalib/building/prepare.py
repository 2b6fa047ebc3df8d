"""Everything that is checked and decided before a build writes its first byte."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from streamcalib.building.agreement import agreed_name, agreed_recipe, check_shared, checked_extras
from streamcalib.building.clusters.cluster import CLUSTERS
from streamcalib.building.clusters.joining import cluster_size
from streamcalib.building.existing import Wanted, complete_set, set_to_extend
from streamcalib.building.options import BuildOptions, worker_count
from streamcalib.errors import ListError, OutputError
from streamcalib.graph import read_image_input
from streamcalib.images.confining import Confines, check_names
from streamcalib.pixels.turbo import find_decoder
from streamcalib.plan import Container, Plan, chosen_store, make_plan
from streamcalib.publish import check_side_files, free_space
from streamcalib.publish_remote import check_remote
from streamcalib.remotepath import SetPath, set_path
from streamcalib.wording import printable

if TYPE_CHECKING:
    import os
    from collections.abc import Sequence

    from streamcalib.calibset import CalibrationSet
    from streamcalib.extra_inputs import ExtraInput
    from streamcalib.graph import ImageInput
    from streamcalib.images.listfile import ImageList
    from streamcalib.manifest import StoreKind
    from streamcalib.recipe import Recipe

_CONTAINERS: dict[str, Container] = {".npy": "npy", ".npz": "npz", ".zarr": "zarr"}


@dataclass(frozen=True, kw_only=True)
class PreparedBuild:
    """A build that can go ahead, or one that is already complete.

    Attributes
    ----------
    complete
        The finished set, if the output already holds exactly what was asked for.
    extends
        The finished set whose rows are kept, if it is to be extended.
    confines
        Where the images must lie, or None if anywhere.
    """

    images: ImageList
    out: SetPath
    recipe: Recipe
    graph: ImageInput | None
    input_name: str
    extra_inputs: dict[str, ExtraInput]
    options: BuildOptions
    plan: Plan
    complete: CalibrationSet | None
    extends: CalibrationSet | None = None
    confines: Confines | None = None

    @property
    def warnings(self) -> tuple[str, ...]:
        """What is allowed and likely wrong, each in a sentence with its mend."""
        batch = self.graph.batch if self.graph else None
        if not batch or len(self.images) % batch == 0:
            return ()
        warning = (
            f"the model takes batches of {batch}, and {len(self.images)} rows are no multiple: "
            f"ModelOpt's larger last parts will not fit the graph. Choose a multiple of {batch}."
        )
        return (warning,)


def prepare(
    images: ImageList,
    out: str | os.PathLike[str],
    *,
    recipe: Recipe | None,
    model: str | os.PathLike[str] | None,
    input_name: str | None,
    extra_inputs: Sequence[ExtraInput],
    options: BuildOptions,
) -> PreparedBuild:
    """Check a build's inputs and output, and plan it. Nothing is written.

    Raises
    ------
    InputError
        Or one of its kinds: whatever is wrong, with the mend.
    """
    path = set_path(out, options.state)
    container = _container(path)
    graph = None if model is None else read_image_input(model, input_name)
    recipe = agreed_recipe(recipe, graph)
    store = _agreed_store(options, container, recipe)
    name = agreed_name(input_name, graph)
    extras = checked_extras(extra_inputs, graph, container, name)
    find_decoder(options.decoder)
    check_spares(images, options)
    _check_shared(images, path, options)
    confines = confines_of(images, options)
    wanted = Wanted(
        recipe=recipe,
        store=store,
        input_name=name,
        extra_inputs=extras,
        tolerate_damage=options.tolerate_damage,
        max_pixels=options.max_pixels,
        max_file_bytes=options.max_file_bytes,
        confines=confines,
    )
    extends, complete = _found(path, images, wanted, options)
    plan = make_plan(
        rows=len(images),
        recipe=recipe,
        container=container,
        store=store,
        compression=options.compression,
        jobs=_worker_count(options, container, complete is not None),
        free_bytes=free_space(path, complete is not None),
    )
    if complete is None:
        check_side_files(path)
        images.check_present()
    return PreparedBuild(
        images=images,
        out=path,
        recipe=recipe,
        graph=graph,
        input_name=name,
        extra_inputs=extras,
        options=options,
        plan=plan,
        complete=complete,
        extends=extends,
        confines=confines,
    )


def _found(
    path: SetPath, images: ImageList, wanted: Wanted, options: BuildOptions
) -> tuple[CalibrationSet | None, CalibrationSet | None]:
    """Return the set that is to be extended, or else the one that is complete already, if any."""
    if options.extend and (extends := set_to_extend(path, images, wanted)) is not None:
        return extends, None
    return None, complete_set(path, images, wanted, overwrite=options.overwrite)


def _check_shared(images: ImageList, path: SetPath, options: BuildOptions) -> None:
    # A single worker is this process's own thread, but not a cluster's.
    alone = options.backend not in CLUSTERS and worker_count(options) == 1
    check_shared(images, path, "threading" if alone else options.backend)


def check_spares(images: ImageList, options: BuildOptions) -> None:
    """Make sure that there are spares if bad images are to be replaced; raises `ListError`."""
    if options.on_bad == "replace" and not images.spares:
        raise ListError(
            f"--on-bad replace needs spares, and {images.label} has none: make the list with "
            "'streamcalib sample', and keep its .json side file beside it unchanged."
        )


def confines_of(images: ImageList, options: BuildOptions) -> Confines | None:
    """Return where images must lie, None if anywhere; raises `ListError` if their names do not."""
    if not options.confine:
        return None
    confines = Confines.of(images.within or images.bases)
    check_names(images, confines)
    return confines


def _container(path: SetPath) -> Container:
    check_remote(path)
    if path.suffix not in _CONTAINERS:
        ending = f"ends in {path.suffix!r}" if path.suffix else "has no ending"
        raise OutputError(f"the output {printable(path.name)} {ending}: use .npy, .npz or .zarr.")
    return _CONTAINERS[path.suffix]


def _agreed_store(options: BuildOptions, container: Container, recipe: Recipe) -> StoreKind:
    store = chosen_store(options.store, container, options.compression)
    # A recipe of plain uint8 rows has them on disk either way.
    return "final" if (recipe.dtype, recipe.layout) == ("uint8", "NCHW") else store


def _worker_count(options: BuildOptions, container: Container, is_complete: bool) -> int:
    if options.backend not in CLUSTERS or is_complete:
        return worker_count(options)
    size = cluster_size(options, container)
    return size if options.jobs is None else min(size, options.jobs)
