"""A build joins its cluster: looked at while the build is prepared, joined while it runs."""

from __future__ import annotations

from contextlib import closing, contextmanager
from functools import partial
from typing import TYPE_CHECKING

from streamcalib.building.clusters.answers import answer, are_all_here, check_versions
from streamcalib.building.clusters.cluster import CLUSTERS, join_cluster
from streamcalib.errors import OutputError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from streamcalib.building.clusters.cluster import Cluster
    from streamcalib.building.options import BuildOptions
    from streamcalib.plan import Container


@contextmanager
def joined(options: BuildOptions) -> Iterator[Cluster | None]:
    """Join the cluster that a build's options ask for, or none; raises as `join_cluster`.

    Workers that came since the build was prepared are held to the same versions.
    """
    if options.backend not in CLUSTERS:
        yield None
        return
    with closing(join_cluster(options.backend, options.scheduler, options.address)) as cluster:
        check_versions(cluster.ask(partial(answer, options.decoder)), options.decoder)
        yield cluster


def cluster_size(options: BuildOptions, container: Container) -> int:
    """Return how many tasks a build's cluster does at once, if the build can be trusted to it.

    Raises
    ------
    MissingExtraError, InputError
        As `join_cluster` and `check_versions`.
    OutputError
        If workers are on other hosts and the output is one file.
    """
    with closing(join_cluster(options.backend, options.scheduler, options.address)) as cluster:
        answers = check_versions(cluster.ask(partial(answer, options.decoder)), options.decoder)
        if container != "zarr" and not are_all_here(answers):
            raise OutputError(
                f"an .{container} is one file, and workers on several hosts that write into it "
                "over a network file system can undo each other's rows: use an output that ends "
                "in .zarr, whose shards are each written by one worker, and finalize it to an "
                f".{container} afterwards."
            )
        return cluster.workers
