import pytest
import torch
from torch import nn

from bonaface.training.average import averaged, leaning_back


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


def test_leaning_back_by_hand():
    """Weights: three quarters as learned, a quarter as they were; statistics: of what is shown; counts: of its batches."""
    model = nn.Sequential(nn.Linear(1, 1, bias=False), nn.BatchNorm1d(1))
    start = {name: value.clone() for name, value in model.state_dict().items()}
    start["0.weight"].fill_(4.0)
    with torch.no_grad():
        model[0].weight.fill_(8.0)
        model[1].running_mean.fill_(99.0)
    # times 7: means of 7 and 21, variances (of two) of 98 and 0
    shown = [torch.tensor([[0.0], [2.0]]), torch.tensor([[3.0], [3.0]])]
    mixed = leaning_back(model, start, share=0.25, pixels=shown)
    assert mixed[0].weight.item() == 7.0
    assert mixed[1].running_mean.item() == 14.0
    assert mixed[1].running_var.item() == 49.0
    assert mixed[1].num_batches_tracked.item() == 2
    assert (model[0].weight.item(), model[1].running_mean.item()) == (8.0, 99.0)


@pytest.mark.parametrize(("share", "weight"), [(0.0, 8.0), (1.0, 4.0)])
def test_leaning_back_at_its_ends(share, weight):
    model = nn.Linear(1, 1)
    nn.init.constant_(model.weight, 8.0)
    start = {name: torch.full_like(value, 4.0) for name, value in model.state_dict().items()}
    assert leaning_back(model, start, share=share, pixels=()).weight.item() == weight
