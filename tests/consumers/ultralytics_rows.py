"""Run by a test in a process of its own: rows as Ultralytics' predictor makes them on a CPU.

Usage: python ultralytics_rows.py OUT.npz HEIGHT WIDTH IMAGE...
"""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from types import SimpleNamespace


def stub_torchvision(folder: Path) -> None:
    """Ultralytics asks for torchvision when it is imported, and not for letterboxing."""
    if importlib.util.find_spec("torchvision") is not None:
        return
    (folder / "torchvision").mkdir()
    (folder / "torchvision" / "__init__.py").write_text("__version__ = '0.28.0'\n")
    metadata = folder / "torchvision-0.28.0.dist-info"
    metadata.mkdir()
    metadata.joinpath("METADATA").write_text(
        "Metadata-Version: 2.1\nName: torchvision\nVersion: 0.28.0\n"
    )
    sys.path.insert(0, str(folder))


def main() -> None:
    out = Path(sys.argv[1])
    height, width = int(sys.argv[2]), int(sys.argv[3])
    stub_torchvision(out.parent)

    import cv2
    import numpy as np
    import torch
    from ultralytics.data.augment import LetterBox
    from ultralytics.engine.predictor import BasePredictor

    letterbox = LetterBox((height, width), auto=False)
    arrays = {}
    for half in (False, True):
        predictor = SimpleNamespace(
            model=SimpleNamespace(fp16=half),
            device=torch.device("cpu"),
            pre_transform=lambda images: [letterbox(image=image) for image in images],
        )
        rows = []
        for path in sys.argv[4:]:
            image = cv2.imdecode(np.fromfile(path, np.uint8), cv2.IMREAD_COLOR)
            rows.append(BasePredictor.preprocess(predictor, [image])[0].numpy())
        arrays["float16" if half else "float32"] = np.stack(rows)
    np.savez(out, **arrays)


if __name__ == "__main__":
    main()
