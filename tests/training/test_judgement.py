import numpy as np
import pytest
import torch
from accelerate import Accelerator
from torch import nn

from bonaface.contract import InputContract
from bonaface.data.dataset import FixedCrops
from bonaface.errors import ScoreError
from bonaface.models.detector import Evidence
from bonaface.training.judgement import figures, judge
from bonaface.training.loop import loader_of
from bonaface.vocabulary import BONAFIDE, SPECIES

from .tiny import tiny

NAMES = ("bonafide", "print", "faceswap")


def test_worked_by_hand():
    #                  bona fide       print           faceswap
    scores = np.array([0.1, 0.3, 0.5, 0.4, 0.2, 0.9, 0.9, 0.9, 0.9])
    species = np.array([0, 0, 0, 1, 1, 2, 2, 2, 2])
    found = figures(scores, species > 0, species, NAMES)
    # print: 0.4 beats 2 of 3, 0.2 beats 1 of 3; faceswap beats all; together 15 of 18 pairs
    assert found.species_auc == {"print": pytest.approx(0.5), "faceswap": 1.0}
    assert found.mean_auc == pytest.approx(0.75)  # each species counts alike, however many rows it has
    assert found.auc == pytest.approx(15 / 18)


def test_the_order_of_rows_changes_nothing():
    rng = np.random.default_rng(0)
    scores, species = rng.normal(size=40), rng.integers(0, 3, 40)
    order = rng.permutation(40)
    assert figures(scores, species > 0, species, NAMES) == figures(
        scores[order], species[order] > 0, species[order], NAMES
    )


def test_a_species_without_rows_is_left_out():
    found = figures(np.array([0.0, 1.0]), np.array([False, True]), np.array([0, 2]), NAMES)
    assert found.species_auc == {"faceswap": 1.0}


def test_scores_that_are_not_numbers_are_no_figure():
    with pytest.raises(ScoreError, match="finite"):
        figures(np.array([0.0, np.nan]), np.array([False, True]), np.array([0, 1]), NAMES)


class Brightness(nn.Module):
    """Says that bright pictures are attacks, where `mean` and `std` are applied."""

    def forward(self, pixels):
        assert not self.training
        assert not torch.is_grad_enabled()
        light = pixels.mean(dim=(1, 2, 3))
        return Evidence(light[:, None].expand(-1, 2), light)


def test_every_crop_is_judged_once():
    levels = [
        (10, BONAFIDE),
        (60, SPECIES["print"]),
        (40, BONAFIDE),
        (30, SPECIES["print"]),
        (50, SPECIES["sdsc"]),
    ]
    dev = FixedCrops([(np.full((8, 8, 3), level, np.uint8), species) for level, species in levels])
    accelerator = Accelerator()
    loader = accelerator.prepare(loader_of(dev, tiny(batch_size=2), drops_last=False))
    found = judge(
        Brightness(), loader, accelerator, contract=InputContract(size=16), species_names=dev.species_names
    )
    assert found.species_auc == {"print": pytest.approx(3 / 4), "sdsc": 1.0}
    assert found.auc == pytest.approx(5 / 6)
