"""The commands that make a set again, from its manifest alone."""

from __future__ import annotations

import json
import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from streamcalib.building.agreement import DEFAULT_INPUT_NAME
from streamcalib.errors import RecipeError
from streamcalib.presets import PRESETS
from streamcalib.recipe import Recipe

if TYPE_CHECKING:
    from streamcalib.calibset import CalibrationSet
    from streamcalib.manifest import Manifest

_RECIPE_FILE = "recipe.json"


class Step(NamedTuple):
    """A command for a shell, and what it does."""

    what: str
    command: str


def reproduce(calibration: CalibrationSet) -> list[Step]:
    """Return the commands that choose the images, build the set, and use it."""
    manifest = calibration.manifest
    steps = []
    start = _start(manifest)
    if start:
        steps.append(Step("Go to where its paths start", start))
    if (command := _sample(manifest)) is not None:
        steps.append(Step("Choose the images", command))
    steps += _build(calibration)
    steps += [Step(what, command) for what, command in calibration.commands.items()]
    steps.append(
        Step(
            "Hold it against its images",
            shlex.join(["streamcalib", "verify", str(calibration.path), "--sources"]),
        )
    )
    return steps


def _start(manifest: Manifest) -> str:
    bases = manifest.images["bases"]
    is_folder = bool(bases) and Path(bases[0]).is_absolute()
    return shlex.join(["cd", bases[0]]) if is_folder else ""


def _sample(manifest: Manifest) -> str | None:
    """Return the command that chose the images; None if not a seeded choice did."""
    chosen, out = manifest.images["chosen"], manifest.images["list"]
    source, count, seed = (chosen.get(name) for name in ("source", "count", "seed"))
    if not (isinstance(source, str) and type(count) is int and type(seed) is int):
        return None
    how = _strategy(chosen)
    if how is None:
        return None
    words = ["streamcalib", "sample", source, "--count", str(count), "--seed", str(seed)]
    words += how
    endings = chosen.get("extensions")
    if isinstance(endings, list) and endings and all(isinstance(one, str) for one in endings):
        words += ["--ext", ",".join(endings)]
    base = chosen.get("relative_to")
    if base is None and "relative_to" in chosen:
        words.append("--absolute")
    elif isinstance(base, str) and base != next(iter(manifest.images["bases"]), None):
        words += ["--relative-to", base]
    return shlex.join([*words, "--out", out or f"quant{count}.txt"])


def _strategy(chosen: dict[str, Any]) -> list[str] | None:
    """Return the options of a choice's rule; None if it is not one that can be said in options."""
    name = chosen.get("strategy", "random")
    words = [] if name == "random" else ["--strategy", str(name)]
    wanted: dict[str, Any] = {}
    if name == "stratified":
        wanted = {"--labels": chosen.get("labels")}
    elif name in ("activations", "ranges", "blend"):
        pool = chosen.get("pool")
        size = pool.get("size") if isinstance(pool, dict) else None
        wanted = {"--model": chosen.get("model"), "--pool-size": size}
        wanted |= {"--blend": chosen.get("blend")} if name == "blend" else {}
        wanted |= {"--percentile": chosen.get("percentile")} if name != "activations" else {}
    elif name != "random" or not str(chosen.get("rule", "")).startswith("random.Random(seed)"):
        return None
    dedupe = chosen.get("dedupe")
    if dedupe is not None:
        words.append("--dedupe")
        wanted["--dedupe-distance"] = dedupe.get("distance") if isinstance(dedupe, dict) else None
    if not all(isinstance(value, str | int | float) for value in wanted.values()):
        return None
    return words + [word for name, value in wanted.items() for word in (name, str(value))]


def _build(calibration: CalibrationSet) -> list[Step]:
    manifest = calibration.manifest
    images = manifest.images
    listed = images["list"] or f"quant{images['count']}.txt"
    steps, words = [], ["streamcalib", "build", "--list", listed]
    if images["bases"] and "://" in images["bases"][0]:
        words += ["--root", images["bases"][0]]
    known = _preset(manifest.recipe)
    if known is None:
        recipe = manifest.recipe.to_json()
        steps.append(
            Step("Write its recipe down", f"cat > {_RECIPE_FILE} <<'RECIPE'\n{recipe}\nRECIPE")
        )
        known = ["--recipe", _RECIPE_FILE]
    words += known
    if manifest.store != ("uint8" if calibration.path.suffix == ".zarr" else "final"):
        words += ["--store", manifest.store]
    if manifest.on_bad != "stop":
        words += ["--on-bad", manifest.on_bad]
    if manifest.input_name != DEFAULT_INPUT_NAME:
        words += ["--input-name", manifest.input_name]
    for name, extra in manifest.extra_inputs.items():
        words += ["--extra-input", _written(name, extra)]
    if images["tolerate_damage"]:
        words.append("--tolerate-damage")
    words += ["--out", str(calibration.path)]
    return [*steps, Step("Build the set", shlex.join(words))]


def _preset(recipe: Recipe) -> list[str] | None:
    """Return the options that give a recipe, or None if no preset does."""
    if recipe.name not in PRESETS:
        return None
    size = (recipe.height, recipe.width)
    try:
        same = Recipe.preset(recipe.name, size, dtype=recipe.dtype)
    except RecipeError:
        return None
    if same.fingerprint != recipe.fingerprint:
        return None
    sides = str(size[0]) if size[0] == size[1] else f"{size[0]}x{size[1]}"
    return ["--preset", recipe.name, "--imgsz", sides, "--dtype", recipe.dtype]


def _written(name: str, extra: dict[str, Any]) -> str:
    return f"{name}={json.dumps(extra['value'])}:{extra['dtype']}"
