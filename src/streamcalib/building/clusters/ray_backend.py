"""Ray's backend for joblib, which here starts nothing anew when a worker has died.

joblib would start as many workers as before, and wait for ever if their host has died too. Needs
the package ray.
"""

from __future__ import annotations

from ray.util.joblib.ray_backend import RayBackend


class OnceRayBackend(RayBackend):  # type: ignore[misc]
    """A backend that is done with once something went wrong."""

    def abort_everything(self, ensure_ready: bool = True) -> None:  # noqa: ARG002
        """End all workers."""
        super().abort_everything(ensure_ready=False)
