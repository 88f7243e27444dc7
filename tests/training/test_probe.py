import math

import numpy as np
import pytest
import torch
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import StandardScaler, normalize

from bonaface.training.probe import PENALTIES, Lessons, solutions, solved


def lessons(*, num: int = 120, width: int = 6, seed: int = 0, margin: float = 0.8) -> Lessons:
    """Two families; a physical attack says nothing about the digital one, as in training."""
    rng = np.random.default_rng(seed)
    kind = rng.integers(0, 3, num)  # bona fide, physical, digital
    embedding = rng.normal(0.5, 1, (num, width))
    embedding[kind == 1, 0] += margin
    embedding[kind == 2, 1] -= margin
    targets = np.stack([kind == 1, kind == 2], axis=1)
    known = np.stack([np.ones(num), kind != 1], axis=1)
    return Lessons(*(torch.from_numpy(np.asarray(one, np.float32)) for one in (embedding, targets, known)))


@pytest.mark.parametrize("place", [0, 3, 5])
def test_each_family_is_scikit_learns_logistic_regression(place):
    """Witness: scikit-learn on scaled directions, where C is the inverse of penalty times samples."""
    learned = lessons()
    solution = list(solutions(learned))[place]
    unit = normalize(learned.embedding.numpy().astype(float))
    scaled = StandardScaler().fit_transform(unit)
    for family in range(2):
        rows = learned.known[:, family].numpy() > 0
        witness = LogisticRegression(C=1 / (PENALTIES[place] * rows.sum()), tol=1e-10, max_iter=10_000)
        witness.fit(scaled[rows], learned.targets[rows, family].numpy())
        with torch.no_grad():
            ours = solution.head(learned.embedding)[:, family].numpy()
        assert ours == pytest.approx(witness.decision_function(scaled), rel=2e-3, abs=2e-3)
    assert solution.penalty == PENALTIES[place]
    assert solution.untaught == ()


def test_at_the_solution_no_direction_is_better():
    """Slowly: the loss as it is defined, moved a little in every direction."""
    inputs = torch.randn(40, 3, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    target = (inputs[:, 0] + torch.linspace(-1, 1, 40) > 0).double()
    weight, offset = solved(inputs, target, penalty=0.1)

    def loss(values: list[float]) -> float:
        *w, b = values
        total = 0.0
        for row, t in zip(inputs.tolist(), target.tolist(), strict=True):
            chance = 1 / (1 + math.exp(-(sum(x * y for x, y in zip(row, w, strict=True)) + b)))
            total -= math.log(chance if t else 1 - chance)
        return total / 40 + 0.05 * sum(x * x for x in w)

    best = [*weight.tolist(), offset.item()]
    for place in range(4):
        for step in (-1e-3, 1e-3):
            moved = [value + step * (number == place) for number, value in enumerate(best)]
            assert loss(moved) > loss(best)


def test_a_stronger_penalty_makes_shorter_weights():
    lengths = [solution.head.weight.norm().item() for solution in solutions(lessons())]
    assert lengths == sorted(lengths)
    assert [solution.penalty for solution in solutions(lessons())] == list(PENALTIES)


def test_a_family_that_the_samples_can_not_teach_is_constant():
    """Without digital attacks: 1 imagined attack against all bona fide rows and 1."""
    learned = lessons()
    targets = learned.targets.clone()
    rows = learned.targets[:, 1] == 0
    learned = Lessons(learned.embedding[rows], targets[rows], learned.known[rows])
    for solution in solutions(learned):
        assert solution.untaught == (1,)
        assert not solution.head.weight[1].any()
        assert solution.head.offset[1].item() == pytest.approx(-math.log(learned.known[:, 1].sum() + 1))
        assert solution.head.weight[0].any()


def test_directions_without_any_spread_are_left_out():
    learned = lessons()
    flat = Lessons(torch.cat((learned.embedding, torch.zeros(120, 1)), dim=1), learned.targets, learned.known)
    for with_flat, without in zip(solutions(flat), solutions(learned), strict=True):
        torch.testing.assert_close(with_flat.head.weight[:, :-1], without.head.weight)
        assert not with_flat.head.weight[:, -1].any()


def test_separable_samples_have_a_finite_solution():
    for solution in solutions(lessons(margin=50.0)):
        assert torch.isfinite(solution.head.weight).all()
        assert torch.isfinite(solution.head.offset).all()
