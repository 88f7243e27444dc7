from dataclasses import replace
from math import log

import numpy as np
import pytest
import torch

from bonaface.data.dataset import SimulatedFaces
from bonaface.data.pairs import Pairs
from bonaface.errors import RecipeError
from bonaface.models.nano import build_nano
from bonaface.models.resnet import ResnetConfig
from bonaface.training.cell_loss import cell_loss, differences
from bonaface.training.checkpoint import load_checkpoint
from bonaface.training.loop import train
from bonaface.training.recipe import Recipe, Simulated

from .tiny import TINY, material, scenes

JUDGING = replace(TINY, model=replace(TINY.model, judges_cells=True))
PHYSICAL, BOTH = torch.tensor([1.0, 0.0]), torch.ones(2)


def crops(*touched: tuple[int, float]) -> torch.Tensor:
    """A grey twin and its attack of 4 x 4 pixels, in four cells of 2 x 2, of which some are raised in one pixel."""
    pair = torch.full((2, 4, 4, 3), 100, dtype=torch.uint8)
    for cell, amount in touched:
        row, column = divmod(cell, 2)
        pair[1, 2 * row, 2 * column] += int(4 * amount)
    return pair


def loss(cell_logits, held, *, targets, known=None, smoothing=0.0):
    targets = torch.stack((torch.zeros(2), targets))
    known = torch.ones(2, 2) if known is None else torch.stack((torch.ones(2), known))
    return cell_loss(cell_logits, crops=held, targets=targets, known=known, label_smoothing=smoothing)


def test_a_cell_differs_by_its_mean():
    found = differences(torch.cat((crops((1, 8.0)), crops((2, 1.0), (3, 2.0)))), num_cells=4)
    assert found.tolist() == [[0, 8, 0, 0], [0, 0, 1, 2]]


def test_worked_by_hand():
    logits = torch.zeros(2, 4, 2)
    logits[1, 1, 0] = log(3)
    held = crops((1, 5.0))
    # physical: seven cells at log 2 and one at -log(3/4); digital: all eight are bona fide and unsure
    expected = ((7 * log(2) + log(4 / 3)) / 8 + log(2)) / 2
    assert loss(logits, held, targets=PHYSICAL).item() == pytest.approx(expected, abs=1e-6)
    # the attack says nothing about digital: four cells of the twin are left
    assert loss(logits, held, targets=PHYSICAL, known=PHYSICAL).item() == pytest.approx(expected, abs=1e-6)
    logits[1, 1, 0] = -log(3)
    assert loss(logits, held, targets=PHYSICAL).item() == pytest.approx(
        ((7 * log(2) + log(4)) / 8 + log(2)) / 2, abs=1e-6
    )


def test_what_changed_a_little_teaches_nothing():
    logits = torch.zeros(2, 4, 2, requires_grad=True)
    loss(logits, crops((0, 0.5), (1, 2.0)), targets=BOTH).backward()
    moved = logits.grad[1, :, 0]
    assert moved[0] == 0
    assert moved[1] < 0 < moved[2]
    assert (logits.grad[0] > 0).all()


def test_targets_are_smoothed():
    logits = torch.zeros(2, 4, 2)
    logits[:] = log(0.1 / 0.9)
    logits[1, 1] = log(0.9 / 0.1)
    entropy = -(0.1 * log(0.1) + 0.9 * log(0.9))
    found = loss(logits, crops((1, 5.0)), targets=BOTH, smoothing=0.1)
    assert found.item() == pytest.approx(entropy, abs=1e-6)


def test_pairs_of_a_dataset_are_twins():
    """Of a face swap, what it does not reach is the same to the last bit."""
    known = scenes(6, names=("bonafide",))
    mixture = replace(TINY.mixture, shares={"faceswap": 1.0}, capture=(0.0, 0.0))
    drawn = SimulatedFaces(
        known, contract=TINY.contract, mixture=mixture, augmentation=TINY.augmentation, length=8, seed=0
    )
    batch = torch.from_numpy(np.stack([drawn[number]["crop"].numpy() for number in range(8)]))
    found = differences(batch, num_cells=256)  # of 2 x 2 pixels
    assert (found.amax(dim=1) > 1).all()
    assert ((found == 0).float().mean(dim=1) > 0.1).all()


@pytest.mark.parametrize(("moved_by", "is_same"), [(1.0, True), (9.0, False)])
def test_an_attack_that_moves_the_face_box_a_little_is_cut_as_its_twin(monkeypatch, moved_by, is_same):
    """Of an attack that changes no pixel: the box by one pixel of 32, which jitter could have done, or by nine."""

    def moving(scene, *_, **__):
        return replace(scene, face=scene.face.shifted(moved_by, 0)), None

    monkeypatch.setattr("bonaface.data.dataset.attacked", moving)
    drawn = SimulatedFaces(
        scenes(6, names=("bonafide",)), contract=TINY.contract, mixture=replace(TINY.mixture, shares={"faceswap": 1.0}),
        augmentation=TINY.augmentation, length=8, seed=0,
    )  # fmt: skip
    crops = [drawn[number]["crop"] for number in range(8)]
    assert all(torch.equal(*pair) for pair in zip(crops[::2], crops[1::2], strict=True)) == is_same


def test_the_whole_is_judged_alike():
    plain = build_nano(TINY.model, mean=(0.5,) * 3, std=(0.25,) * 3, seed=0).eval()
    judging = build_nano(JUDGING.model, mean=(0.5,) * 3, std=(0.25,) * 3, seed=0).eval()
    judging.load_state_dict(plain.state_dict(), strict=False)
    pixels = torch.randn(2, 3, 32, 32, generator=torch.Generator().manual_seed(1))
    found, expected = judging(pixels), plain(pixels)
    torch.testing.assert_close(found.attack_logit, expected.attack_logit)
    torch.testing.assert_close(found.embedding, expected.embedding)
    assert found.cell_logits.shape == (2, 4, 2)
    assert expected.cell_logits is None


def test_a_run_learns_where(tmp_path):
    how = replace(JUDGING, epochs=1)
    train(how, material(), tmp_path / "run")
    kept = load_checkpoint(tmp_path / "run" / "last").weights
    started = build_nano(how.model, mean=(0.5,) * 3, std=(0.25,) * 3, seed=how.seed).state_dict()
    assert not torch.equal(kept["cells.1.weight"], started["cells.1.weight"])


def test_what_is_no_pair_is_refused():
    with pytest.raises(RecipeError, match=r"^batch_size must be even, for whole pairs; got 3"):
        replace(JUDGING, batch_size=3)
    with pytest.raises(RecipeError, match=r"^model.judges_cells must be false with pairs"):
        replace(JUDGING, data=Pairs(), contract=replace(JUDGING.contract, finder="whole"))
    assert not Recipe("other", model=ResnetConfig(image_size=160), data=Simulated()).judges_cells
