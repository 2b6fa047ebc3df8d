"""The commands that make a set again, from its manifest alone."""

from __future__ import annotations

import json
import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from streamcalib.building.agreement import DEFAULT_INPUT_NAME
from streamcalib.errors import InputError, RecipeError
from streamcalib.extra_inputs import ExtraInput
from streamcalib.presets import PRESETS
from streamcalib.recipe import Recipe

if TYPE_CHECKING:
    from streamcalib.calibset import CalibrationSet
    from streamcalib.manifest import Manifest

_RECIPE_FILE = "recipe.json"
_POOL_RECIPE_FILE = "pool-recipe.json"
_BY_MODEL = ("activations", "ranges", "blend")


class Step(NamedTuple):
    """A command for a shell, and what it does."""

    what: str
    command: str


def reproduce(calibration: CalibrationSet) -> list[Step]:
    """Return the commands that choose the images, build the set, and use it.

    Paths stay as they were given: each command runs in the folder in which they were given.
    """
    manifest = calibration.manifest
    start = _base(manifest)
    working = _working_folder(manifest.images["chosen"]) or start
    listed = _listed(manifest, working)
    steps = _sample(manifest, working, listed)
    steps = [*_into(working), *steps] if steps else []
    if not steps or start != working:
        steps += _into(start)
    steps += _build(calibration, working, listed)
    steps += [Step(what, command) for what, command in calibration.commands.items()]
    steps.append(
        Step(
            "Hold it against its images",
            shlex.join(["streamcalib", "verify", str(calibration.path), "--sources"]),
        )
    )
    return steps


def _into(folder: str | None) -> list[Step]:
    if folder is None:
        return []
    return [Step("Go to where the paths of the next command start", shlex.join(["cd", folder]))]


def _base(manifest: Manifest) -> str | None:
    """Return the folder in which the images were sought first; None if it is at a URL."""
    bases = manifest.images["bases"]
    return bases[0] if bases and Path(bases[0]).is_absolute() else None


def _working_folder(chosen: dict[str, Any]) -> str | None:
    """Return the folder in which the images were chosen; None if that is not known."""
    folder = chosen.get("working_folder", chosen.get("relative_to"))
    return folder if isinstance(folder, str) and Path(folder).is_absolute() else None


def _listed(manifest: Manifest, working: str | None) -> str:
    """Return the list's file, as both of the commands that name it find it."""
    start, images = _base(manifest), manifest.images
    if images["list"] is None:
        name = f"quant{images['count']}.txt"
        return name if working in (None, start) else str(Path(str(working)) / name)
    is_same = start is None or working == start
    return str(images["list"] if is_same else Path(start or "") / images["list"])


def _sample(manifest: Manifest, working: str | None, out: str) -> list[Step]:
    """Return what chose the images; nothing if it was no choice that options can say."""
    chosen = manifest.images["chosen"]
    source, count, seed = (chosen.get(name) for name in ("source", "count", "seed"))
    if not (isinstance(source, str) and type(count) is int and type(seed) is int):
        return []
    how = _strategy(chosen)
    if how is None:
        return []
    words = ["streamcalib", "sample", source, "--count", str(count), "--seed", str(seed)]
    words += how
    steps: list[Step] = []
    if chosen.get("strategy") in _BY_MODEL:
        recipe = _pool_recipe(chosen)
        if recipe is None:
            return []
        steps, known = _recipe(recipe, _POOL_RECIPE_FILE, "Write down how candidates are made")
        words += known
    if type(spares := chosen.get("spares_wanted")) is int:
        words += ["--spares", str(spares)]
    endings = chosen.get("extensions")
    if isinstance(endings, list) and endings and all(isinstance(one, str) for one in endings):
        words += ["--ext", ",".join(endings)]
    base = chosen.get("relative_to")
    if base is None and "relative_to" in chosen:
        words.append("--absolute")
    elif isinstance(base, str) and base != working:
        words += ["--relative-to", base]
    command = shlex.join([*words, "--out", out])
    return [*steps, Step("Choose the images", command)]


def _strategy(chosen: dict[str, Any]) -> list[str] | None:
    """Return the options of a choice's rule; None if it is not one that can be said in options."""
    name = chosen.get("strategy", "random")
    words = [] if name == "random" else ["--strategy", str(name)]
    wanted: dict[str, Any] = {}
    if name == "stratified":
        wanted = _labels(chosen)
    elif name in _BY_MODEL:
        pool = chosen.get("pool")
        size = pool.get("size") if isinstance(pool, dict) else None
        wanted = {"--model": chosen.get("model"), "--pool-size": size}
        wanted |= {"--blend": chosen.get("blend")} if name == "blend" else {}
        wanted |= {"--percentile": chosen.get("percentile")} if name != "activations" else {}
        further = _extra_inputs(chosen.get("extra_inputs", {}))
        if further is None:
            return None
        words += further
    elif name != "random" or not str(chosen.get("rule", "")).startswith("random.Random(seed)"):
        return None
    dedupe = chosen.get("dedupe")
    if dedupe is not None:
        words.append("--dedupe")
        wanted["--dedupe-distance"] = dedupe.get("distance") if isinstance(dedupe, dict) else None
    if not all(isinstance(value, str | int | float) for value in wanted.values()):
        return None
    return words + [word for name, value in wanted.items() for word in (name, str(value))]


def _labels(chosen: dict[str, Any]) -> dict[str, Any]:
    labels = chosen.get("labels")
    if not str(labels).startswith("csv:"):
        return {"--labels": labels}
    return {
        "--labels": labels,
        "--label-column": chosen.get("label_column"),
        "--path-column": chosen.get("path_column"),
    }


def _pool_recipe(chosen: dict[str, Any]) -> Recipe | None:
    """Return how the candidates became a model's rows; None if that is not known."""
    values = chosen.get("recipe")
    try:
        return Recipe.from_dict(values) if isinstance(values, dict) else None
    except (RecipeError, TypeError):
        return None


def _extra_inputs(noted: Any) -> list[str] | None:
    """Return the options of a model's further inputs; None if what was noted is none."""
    if not isinstance(noted, dict):
        return None
    try:
        extras = [ExtraInput.from_dict(name, values) for name, values in noted.items()]
    except (InputError, AttributeError, KeyError, TypeError):
        return None
    return [word for extra in extras for word in ("--extra-input", _written(extra))]


def _build(calibration: CalibrationSet, working: str | None, listed: str) -> list[Step]:
    manifest = calibration.manifest
    images = manifest.images
    words = ["streamcalib", "build", "--list", listed]
    bases = images["bases"]
    # With --root, images are sought nowhere else.
    if len(bases) == 1 and bases[0] != working:
        words += ["--root", bases[0]]
    steps, known = _recipe(manifest.recipe, _RECIPE_FILE, "Write its recipe down")
    words += known
    if manifest.store != ("uint8" if calibration.path.suffix == ".zarr" else "final"):
        words += ["--store", manifest.store]
    if manifest.on_bad != "stop":
        words += ["--on-bad", manifest.on_bad]
    if manifest.input_name != DEFAULT_INPUT_NAME:
        words += ["--input-name", manifest.input_name]
    for name, extra in manifest.extra_inputs.items():
        words += ["--extra-input", _written(ExtraInput.from_dict(name, extra))]
    if images["tolerate_damage"]:
        words.append("--tolerate-damage")
    words += ["--out", str(calibration.path)]
    return [*steps, Step("Build the set", shlex.join(words))]


def _recipe(recipe: Recipe, file: str, what: str) -> tuple[list[Step], list[str]]:
    """Return the options that give a recipe, and the step before them if they need a file."""
    known = _preset(recipe)
    if known is not None:
        return [], known
    written = f"cat > {file} <<'RECIPE'\n{recipe.to_json()}\nRECIPE"
    return [Step(what, written)], ["--recipe", file]


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


def _written(extra: ExtraInput) -> str:
    """Return a further input as ``--extra-input`` takes it."""
    fill = f"*{'x'.join(map(str, extra.fill))}" if extra.fill else ""
    return f"{extra.name}={json.dumps(extra.value)}{fill}:{extra.dtype}"
