from __future__ import annotations

import math

import pytest
import torch

from bonaface.models.species_head import SpeciesHead


def test_worked_by_hand():
    # (3, 4) has the direction (0.6, 0.8); scores ln 2 * 0.6 / 0.6 and 0: chances 2/3 and 1/3
    weight = torch.tensor([[math.log(2) / 0.6, 0.0], [0.0, 1.0]])
    head = SpeciesHead(("print", "replay"), weight, torch.tensor([0.0, -0.8]))
    found = head(torch.tensor([[3.0, 4.0], [30.0, 40.0]]))
    torch.testing.assert_close(found, torch.tensor([[2 / 3, 1 / 3]] * 2), atol=1e-6, rtol=0)


def test_it_does_not_learn_and_moves_with_its_detector():
    head = SpeciesHead(("print", "replay"), torch.ones(2, 3).double(), torch.zeros(2).double())
    assert list(head.parameters()) == []
    assert {name: value.dtype for name, value in head.state_dict().items()} == {
        "weight": torch.float32,
        "offset": torch.float32,
    }


def test_a_weight_for_each_species():
    with pytest.raises(ValueError, match="must have a weight of each species; got 2 and 3"):
        SpeciesHead(("print", "replay"), torch.zeros(3, 4), torch.zeros(3))
