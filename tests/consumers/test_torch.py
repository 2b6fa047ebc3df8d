"""PyTorch's loaders, and ModelOpt on torch models, with sets that streamcalib built."""

from __future__ import annotations

import numpy as np
import pytest

from consumersets import KINDS, installed, make_sets, marks
from streamcalib.errors import InputError

pytestmark = marks("torch", "torch")
if installed("torch"):
    import torch
    from torch.utils.data import DataLoader

    from notingmodel import Seen

SIDE = 32


@pytest.fixture(scope="module")
def sets(tmp_path_factory):
    return make_sets(tmp_path_factory.mktemp("torch"), 6, SIDE)


LOADED = [*((kind, 0) for kind in KINDS), ("canvases.zarr", 2)]
"""What is loaded by how many processes; those take their time to begin."""


@pytest.mark.parametrize(("kind", "workers"), LOADED)
def test_a_loader_batches_rows(sets, kind, workers):
    """A map-style data set, in the loader's own processes or in others, which open the set anew."""
    dataset = sets.open(kind).torch_dataset()
    assert len(dataset) == 6
    loader = DataLoader(
        dataset, batch_size=4, num_workers=workers, multiprocessing_context=context(workers)
    )
    given = [batch.numpy() for batch in loader]
    assert [len(batch) for batch in given] == [4, 2]
    np.testing.assert_array_equal(np.concatenate(given), sets.rows)


@pytest.mark.parametrize(("kind", "workers"), LOADED)
def test_a_loader_takes_steps(sets, kind, workers):
    """An iterable data set: every step comes once, whoever makes it."""
    dataset = sets.open(kind).torch_batches(batch_size=2)
    assert len(dataset) == 3
    loader = DataLoader(
        dataset, batch_size=None, num_workers=workers, multiprocessing_context=context(workers)
    )
    given = [batch.numpy() for batch in loader]
    assert {batch.shape for batch in given} == {(2, 3, SIDE, SIDE)}
    np.testing.assert_array_equal(np.concatenate(given), sets.rows)


def context(workers: int) -> str | None:
    """Children that are no copies of this process, whose threads they would not have."""
    return "spawn" if workers else None


@pytest.mark.parametrize("kind", KINDS)
def test_what_ultralytics_loaders_give(sets, kind):
    """A dict of bytes, which its back ends divide by 255 themselves."""
    loader = DataLoader(sets.open(kind).torch_dataset(key="img", scale="0-255"), batch_size=3)
    given = [batch["img"] for batch in loader]
    assert {batch.dtype for batch in given} == {torch.uint8}
    np.testing.assert_array_equal(torch.cat(given).float().div(255).numpy(), sets.rows)


def test_tensors_are_the_consumers_own(sets):
    """Written to, they leave the set as it was; torch warns of tensors that must not be."""
    calib = sets.open("float32.npy")
    calib.torch_dataset()[0].zero_()
    next(iter(calib.torch_batches())).zero_()
    np.testing.assert_array_equal(calib.rows(0, 1), sets.rows[:1])


@pytest.mark.parametrize("kind", KINDS)
def test_a_forward_loop_shows_the_rows(sets, kind):
    """All of them, or as many as were asked for."""
    calib = sets.open(kind)
    model = Seen()
    calib.torch_forward_loop(batch_size=2)(model)
    np.testing.assert_array_equal(np.concatenate(model.seen), sets.rows)
    model = Seen()
    calib.torch_forward_loop(batch_size=2, rows=4)(model)
    np.testing.assert_array_equal(np.concatenate(model.seen), sets.rows[:4])
    for rows in (3, 0, 8):
        with pytest.raises(InputError, match=f"rows {rows}"):
            calib.torch_forward_loop(batch_size=2, rows=rows)


@pytest.mark.modelopt
@pytest.mark.skipif(
    not installed("modelopt", "huggingface_hub"), reason="modelopt[torch] must be installed"
)
@pytest.mark.filterwarnings("default")
@pytest.mark.parametrize("kind", KINDS)
def test_modelopts_ranges_are_those_of_a_plain_loop(sets, kind):
    """ModelOpt's int8 of a torch model, to the bit."""
    import modelopt.torch.quantization as mtq

    def plain(model, rows=sets.rows) -> None:
        with torch.no_grad():
            for start in range(0, len(rows), 2):
                model(torch.from_numpy(rows[start : start + 2].copy()))

    def amax(forward_loop) -> dict[str, list]:
        model = mtq.quantize(Seen(), mtq.INT8_DEFAULT_CFG, forward_loop)
        return {
            name: module.amax.flatten().tolist()
            for name, module in model.named_modules()
            if name.endswith("input_quantizer") and module.amax is not None
        }

    expected = amax(plain)
    assert len(expected) == 2
    assert amax(sets.open(kind).torch_forward_loop(batch_size=2)) == expected
    assert amax(lambda model: plain(model, sets.rows / 2)) != expected
