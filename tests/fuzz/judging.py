"""The judge: whether what the library makes of some bytes is OpenCV's picture or a clean refusal.

Every input goes the way that workers take it, through `CanvasMaker`, with each decoder. What is
then wrong is a finding:

- any exception but `ImageError`, or a canvas that was written to in spite of one;
- decoders that do not agree, on the verdict, the reason or a single pixel;
- a canvas that is not the letterbox of OpenCV's own reading of the same bytes;
- a picture over the limit of pixels, or one that is decoded before it is refused for that;
- damage of the picture's data that OpenCV's libjpeg complains about, and the library does not;
- a refusal of what OpenCV reads without any complaint.
"""

from __future__ import annotations

import re
import tempfile
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple
from unittest.mock import patch

import cv2
import numpy as np

from fuzz.hearing import Hearing
from streamcalib.errors import ImageError
from streamcalib.pixels.canvas import CanvasMaker
from streamcalib.pixels.turbo import TurboDecoder, find_decoder
from streamcalib.recipe import Recipe

MAX_PIXELS = 4_000_000
PLAIN = Recipe.yolo11((48, 64))
AS_STORED = Recipe(
    height=40, width=33, channel_order="BGR", orientation="ignore", anchor="top-left", pad_value=9
)

JPEG = b"\xff\xd8\xff"

_UNTOUCHED = 7
# What OpenCV may pass over without a word: it leaves off at the last line, whatever follows, and
# libjpeg-turbo, as long as it has data enough, takes 0 for what is no code.
_UNSAID = ("Premature end of JPEG file", "bad Huffman code")
_DAMAGE = re.compile(
    r"Premature end|premature end|bad Huffman|bad progression|found marker .* instead of RST"
    r"|Inconsistent progression"
)
_ERRORS = {
    "over the limit": "over the limit",
    "inside its header": "broken header",
    "damaged JPEG": "damaged",
    "not an image": "no image",
    "OpenCV cannot": "no image",
    "is empty": "no image",
}


class Outcome(NamedTuple):
    """What one decoder made of the bytes: a canvas and by which route, or the reason why not."""

    canvas: np.ndarray | None
    route: str
    reason: str


class Judgement(NamedTuple):
    """The verdict in a word or two, and what is wrong with it: nothing, in a sound library."""

    verdict: str
    findings: list[str]


def all_decoders() -> list[TurboDecoder]:
    """Return the decoders that this machine has."""
    names = sorted({"simplejpeg", find_decoder("auto").name})
    return [find_decoder(name) for name in names]  # type: ignore[arg-type]


class Judge:
    """Judges one input after another, with makers that are kept, as a worker keeps its own."""

    def __init__(
        self,
        decoders: list[TurboDecoder] | None = None,
        recipe: Recipe = PLAIN,
        *,
        tolerate_damage: bool = False,
        max_pixels: int = MAX_PIXELS,
    ) -> None:
        self._recipe = recipe
        self._tolerant = tolerate_damage
        self._max_pixels = max_pixels
        self._decoded: list[str] = []
        watched = [_Watched(decoder, self._decoded) for decoder in decoders or all_decoders()]
        self._makers = [
            CanvasMaker(recipe, each, max_pixels=max_pixels, tolerate_damage=tolerate_damage)
            for each in watched
        ]
        self._planes = np.empty((3, recipe.height, recipe.width), np.uint8)

    def judge(self, data: bytes) -> Judgement:
        """Judge the bytes of one file."""
        findings: list[str] = []
        outcomes = [self._outcome(maker, data, findings) for maker in self._makers]
        first = outcomes[0]
        for other in outcomes[1:]:
            findings += _disagreement(first, other)
        if "over the limit" not in first.reason:
            findings += self._against_opencv(data, first)
        return Judgement(_verdict(first), findings)

    def _outcome(self, maker: CanvasMaker, data: bytes, findings: list[str]) -> Outcome:
        self._decoded.clear()
        self._planes[...] = _UNTOUCHED
        try:
            with Hearing():
                facts = maker.make(data, self._planes)
        except ImageError as error:
            reason = str(error)
            if (self._planes != _UNTOUCHED).any():
                findings.append(f"canvas written to, and then: {reason}")
            if "over the limit" in reason and data.startswith(JPEG) and self._decodes(maker, data):
                findings.append(f"decoded before it was refused: {reason}")
            return Outcome(None, "", reason)
        except Exception as error:  # noqa: BLE001
            findings.append(f"raised {type(error).__name__}: {error}")
            return Outcome(None, "", "raised")
        if facts.height * facts.width > self._max_pixels:
            findings.append(f"{facts.height}x{facts.width} pixels passed the limit")
        return Outcome(self._planes.copy(), facts.route, "")

    def _decodes(self, maker: CanvasMaker, data: bytes) -> bool:
        """Tell whether making this canvas comes to decoding, by either decoder or by OpenCV."""
        with (
            patch.object(cv2, "imdecode", return_value=None) as imdecode,
            patch.object(cv2, "imread", return_value=None) as imread,
            suppress(ImageError),
        ):
            self._decoded.clear()
            maker.make(data, self._planes)
        return bool(self._decoded or imdecode.called or imread.called)

    def _against_opencv(self, data: bytes, outcome: Outcome) -> list[str]:
        image, complaint = self._opencv(data)
        if outcome.canvas is None:
            silent = image is not None and not complaint
            if silent and not outcome.reason.endswith(_UNSAID):
                return [f"refused, but OpenCV reads it without complaint: {outcome.reason}"]
            return []
        if image is None:
            return ["a picture, but OpenCV reads none"]
        if not self._tolerant and _DAMAGE.search(complaint):
            return [f"a picture, but OpenCV says: {complaint.strip()}"]
        if not np.array_equal(outcome.canvas, self._letterboxed(image)):
            return [f"other pixels than OpenCV's ({outcome.route})"]
        return []

    def _opencv(self, data: bytes) -> tuple[np.ndarray | None, str]:
        flags = cv2.IMREAD_COLOR
        if self._recipe.orientation == "ignore":
            flags |= cv2.IMREAD_IGNORE_ORIENTATION
        with Hearing() as hearing:
            try:
                if self._tolerant:
                    image = _imread(data, flags)
                else:
                    image = cv2.imdecode(np.frombuffer(data, np.uint8), flags) if data else None
            except cv2.error:
                image = None
        return image, hearing.text

    def _letterboxed(self, image: np.ndarray) -> np.ndarray:
        """Letterbox OpenCV's image by itself, as the plain script does it, to (3, H, W)."""
        recipe = self._recipe
        if recipe.channel_order == "RGB":
            image = image[..., ::-1]
        ratio = min(recipe.height / image.shape[0], recipe.width / image.shape[1])
        height, width = (max(round(side * ratio), 1) for side in image.shape[:2])
        if image.shape[:2] != (height, width):
            image = cv2.resize(
                np.ascontiguousarray(image), (width, height), interpolation=cv2.INTER_LINEAR
            )
        top = left = 0
        if recipe.anchor == "center":
            top = round((recipe.height - height) / 2 - 0.1)
            left = round((recipe.width - width) / 2 - 0.1)
        canvas = np.full((recipe.height, recipe.width, 3), recipe.pad_value, np.uint8)
        canvas[top : top + height, left : left + width] = image
        return canvas.transpose(2, 0, 1)


class _Watched:
    """A decoder that notes what it was made to decode."""

    def __init__(self, decoder: TurboDecoder, decoded: list[str]) -> None:
        self.name = decoder.name
        self._decoder = decoder
        self._decoded = decoded

    def decode(self, data: bytes, pixels: str, out: np.ndarray | None = None) -> np.ndarray:
        self._decoded.append(self.name)
        return self._decoder.decode(data, pixels, out)

    def describe(self) -> str:
        return self._decoder.describe()


def _imread(data: bytes, flags: int) -> np.ndarray | None:
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder, "image.jpg")
        file.write_bytes(data)
        return cv2.imread(str(file), flags)


def _disagreement(first: Outcome, other: Outcome) -> list[str]:
    if first.reason != other.reason:
        return [f"decoders disagree: {first.reason or 'a picture'} | {other.reason or 'a picture'}"]
    if first.canvas is not None and not np.array_equal(first.canvas, other.canvas):
        return ["decoders give different pixels"]
    return []


def _verdict(outcome: Outcome) -> str:
    if outcome.canvas is not None:
        return outcome.route
    return next((word for text, word in _ERRORS.items() if text in outcome.reason), "other reason")
