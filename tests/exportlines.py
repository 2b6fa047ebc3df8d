"""What the lines say that an export prints, read as the other tool reads them."""

from __future__ import annotations

import ast
import json
import re

import numpy as np


def lists_in(text: str) -> list[np.ndarray]:
    """Return all lists of three numbers in a text, in their order."""
    return [np.array(json.loads(found)) for found in re.findall(r"\[[^][]+\]", text)]


def call_keywords(text: str) -> dict[str, object]:
    """Return the keywords of a call, those that are literals."""
    call = ast.parse(text.replace("...", "None")).body[0].value
    return {keyword.arg: ast.literal_eval(keyword.value) for keyword in call.keywords}


def normalized(x: np.ndarray, mean: np.ndarray, std: np.ndarray) -> np.ndarray:
    """Normalize values whose last axis is the channels, as such tools do: in float32."""
    return (x.astype(np.float32) - mean.astype(np.float32)) / std.astype(np.float32)


def pixels_last(values: np.ndarray, layout: str) -> np.ndarray:
    """Return rows with the channels last."""
    return values if layout == "NHWC" else values.transpose(0, 2, 3, 1)
