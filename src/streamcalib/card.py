"""A set's manifest as one page for a person."""

from __future__ import annotations

from math import prod
from typing import TYPE_CHECKING, Any

import numpy as np

from streamcalib.commands import report_command, set_commands
from streamcalib.recipe_words import in_words
from streamcalib.wording import in_markdown, in_units, printable

if TYPE_CHECKING:
    from streamcalib.manifest import Manifest
    from streamcalib.remotepath import SetPath

_MOST_FAILURES = 20


def card(data: SetPath, manifest: Manifest) -> str:
    """Return the Markdown card of a set at ``data``; names are escaped."""
    sections = [
        f"# Calibration set {in_markdown(data.name)}\n",
        _table(_facts(manifest)),
        "## Recipe\n",
        _table(_recipe(manifest)),
        "## Images\n",
        _table(_images(manifest)),
        _failures(manifest),
        "## Commands\n",
        *(
            f"{what}:\n\n```\n{printable(line)}\n```\n"
            for what, line in {
                **set_commands(data, manifest.store, manifest.model),
                "Look at its rows": report_command(data),
            }.items()
        ),
    ]
    return "\n".join(section for section in sections if section)


def _facts(manifest: Manifest) -> dict[str, Any]:
    size = prod(manifest.shape) * np.dtype(manifest.dtype).itemsize
    expected, observed = manifest.value_range["expected"], manifest.value_range["observed"]
    facts = {
        "array": f"{manifest.shape} {manifest.dtype}, {manifest.layout}, {in_units(size)}",
        **_stored(manifest),
        "values": f"{observed[0]:.6g} to {observed[1]:.6g} "
        f"(possible: {expected[0]:.6g} to {expected[1]:.6g})",
        "graph input": manifest.input_name,
        "made": f"{manifest.created} by streamcalib {manifest.versions.get('streamcalib', '?')}",
        "decoder": manifest.decoder,
    }
    if manifest.model:
        facts["model"] = manifest.model["path"]
    for name, extra in manifest.extra_inputs.items():
        filled = f" filling {'x'.join(map(str, extra['shape']))}" if extra.get("shape") else ""
        facts[f"further input {name}"] = f"{extra['value']} {extra['dtype']}{filled} in every row"
    return facts


def _stored(manifest: Manifest) -> dict[str, str]:
    if manifest.store == "final":
        return {}
    shape = (manifest.shape[0], *manifest.recipe.row_shape)
    return {"store": f"canvases, encoded as {shape} {manifest.recipe.dtype} when read"}


def _recipe(manifest: Manifest) -> dict[str, Any]:
    recipe = manifest.recipe
    return {
        "preset": recipe.name,
        **in_words(recipe),
        "fingerprint": manifest.recipe_fingerprint,
    }


def _images(manifest: Manifest) -> dict[str, Any]:
    images = manifest.images
    chosen = images.get("chosen") or {}
    facts = {
        "list": f"{images['list'] or 'given in Python'}, {images['count']} images",
        "list SHA-256": images["sha256"],
        "looked for in": ", ".join(images["bases"]),
    }
    if "seed" in chosen:
        facts["chosen by"] = f"{chosen.get('rule')}, seed {chosen['seed']}"
        facts["chosen from"] = f"{chosen.get('source')} ({chosen.get('population')} images)"
    for name, value in manifest.environment.items():
        facts[f"${name}"] = value
    for link, target in manifest.links.items():
        facts[f"link {link}"] = target
    if images["through_opencv"]:
        facts["decoded by OpenCV, not TurboJPEG"] = images["through_opencv"]
    return facts


def _failures(manifest: Manifest) -> str:
    if not manifest.failures:
        return ""
    shown = manifest.failures[:_MOST_FAILURES]
    lines = [
        f"- {in_markdown(failure['path'])}: {in_markdown(failure['reason'])}" for failure in shown
    ]
    if len(manifest.failures) > len(shown):
        lines.append(f"- and {len(manifest.failures) - len(shown)} more, in the manifest")
    treated = {"skip": "left out", "replace": "replaced by spares"}.get(manifest.on_bad, "")
    return f"## Bad images, {treated}\n\n" + "\n".join(lines) + "\n"


def _table(facts: dict[str, Any]) -> str:
    lines = [
        f"| {in_markdown(name)} | {in_markdown(str(value))} |" for name, value in facts.items()
    ]
    return "\n".join(["| | |", "| --- | --- |", *lines]) + "\n"
