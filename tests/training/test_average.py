import pytest
import torch
from torch import nn

from bonaface.training.average import averaged


def test_worked_by_hand():
    model = nn.Linear(1, 1, bias=False)
    average = averaged(model, decay=0.9)
    seen = []
    for value in (1.0, 12.0, 0.0):
        with torch.no_grad():
            model.weight.fill_(value)
        average.update_parameters(model)
        seen.append(average.module.weight.item())
    # the first is taken as it is; then the decay is 2/11 and 3/12
    assert seen == pytest.approx([1.0, 10.0, 2.5])


def test_the_decay_ends_at_its_limit():
    model = nn.Linear(1, 1, bias=False)
    average = averaged(model, decay=0.5)
    for _ in range(50):
        with torch.no_grad():
            model.weight.fill_(0.0)
        average.update_parameters(model)
    with torch.no_grad():
        model.weight.fill_(1.0)
    average.update_parameters(model)
    assert average.module.weight.item() == 0.5


def test_statistics_are_averaged_and_counts_are_taken():
    model = nn.BatchNorm1d(1)
    average = averaged(model, decay=0.9)
    for value in (0.0, 11.0):
        model.running_mean.fill_(value)
        model.num_batches_tracked.fill_(int(value))
        average.update_parameters(model)
    assert average.module.running_mean.item() == pytest.approx(9.0)
    assert average.module.num_batches_tracked.item() == 11


def test_the_model_is_left_alone():
    model = nn.Linear(1, 1)
    before = model.weight.item()
    averaged(model, decay=0.9).module.weight.data.fill_(7.0)
    assert model.weight.item() == before


def test_without_decay_it_is_the_model_as_it_stands():
    model = nn.Linear(2, 1)
    average = averaged(model, decay=0.0)
    for value in (0.3, 0.7):
        nn.init.constant_(model.weight, value)
        average.update_parameters(model)
        assert torch.equal(average.module.weight, model.weight)
