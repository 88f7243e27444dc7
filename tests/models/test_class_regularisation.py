import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from bonaface.models.class_regularisation import ClassRegularisation


def test_two_batches_by_hand():
    """z = (1, 0), (0, 1) of class 0 and (-1, 0) of class 1: c_0 = (1/2, 1/2), c_1 = (-1, 0), |c_0 - c_1|^2 = 5/2."""
    loss = ClassRegularisation(2, momentum=0.5, margin=2.0, weight=1.0)
    embedding = torch.tensor([[1.0, 0.0], [0.0, 2.0], [-3.0, 0.0]])
    found = loss(embedding, torch.tensor([0, 0, 1]))
    between = 2 - math.sqrt(2.5)
    within = 0.5 * 0.5 + 0.5 * (
        0.5 + (2 - math.sqrt(2)) ** 2
    )  # the third sample is its centre and weighs nothing
    assert found.item() == pytest.approx(between + within)
    assert loss.centres.tolist() == [[0.5, 0.5], [-1.0, 0.0]]

    found = loss(torch.tensor([[0.0, -4.0]]), torch.tensor([0]))
    assert loss.centres.tolist() == [[0.25, -0.25], [-1.0, 0.0]]
    far = math.sqrt(0.25**2 + 0.75**2)
    between = 2 - math.sqrt(1.25**2 + 0.25**2)
    assert found.item() == pytest.approx(between + far**2 + (2 - math.sqrt(2)) ** 2)


def slow_definition(batches, *, num_classes, momentum, margin, weight):
    """Losses of the batches in turn, number by number."""
    centres = {}
    losses = []
    for samples in batches:
        unit = [([t / math.hypot(*z) for t in z], k) for z, k in samples]
        for k in range(num_classes):
            own = [z for z, label in unit if label == k]
            if own:
                mean = [sum(column) / len(own) for column in zip(*own, strict=True)]
                old = centres.get(k)
                centres[k] = mean if old is None else [momentum * a + (1 - momentum) * b for a, b in zip(old, mean, strict=True)]  # fmt: skip
        pairs = [(a, b) for a in centres for b in centres if a < b]
        hinges = [max(0.0, margin - math.dist(centres[a], centres[b])) for a, b in pairs]
        between = sum(hinges) / len(hinges) if hinges else 0.0
        far = [math.dist(z, centres[k]) for z, k in unit]
        within = 0.0
        for (z, k), own in zip(unit, far, strict=True):
            push = [max(0.0, margin - math.dist(z, centres[o])) ** 2 for o in centres if o != k]
            if sum(far) > 1e-6:
                within += own / sum(far) * (own**2 + (sum(push) / len(push) if push else 0.0))
        losses.append(weight * (between + within))
    return losses


samples = st.tuples(
    st.lists(st.floats(-1, 1), min_size=3, max_size=3).filter(lambda z: math.hypot(*z) > 0.1),
    st.integers(0, 2),
)


@settings(max_examples=50)
@given(
    st.lists(st.lists(samples, min_size=1, max_size=5), min_size=1, max_size=3),
    st.sampled_from([0.0, 0.3, 0.9]),
    st.sampled_from([0.5, 1.0, 2.0]),
)
def test_the_loss_is_the_slow_definition(batches, momentum, margin):
    how = {"num_classes": 3, "momentum": momentum, "margin": margin, "weight": 0.1}
    loss = ClassRegularisation(3, **how)
    found = [
        loss(torch.tensor([z for z, _ in batch]), torch.tensor([k for _, k in batch])).item()
        for batch in batches
    ]
    assert found == pytest.approx(slow_definition(batches, **how), abs=2e-5)


def test_the_gradient_moves_centres_apart_and_samples_together():
    torch.manual_seed(0)
    label = torch.arange(20) % 2
    embedding = torch.nn.Parameter(torch.randn(20, 8))
    loss = ClassRegularisation(8, margin=1.4)
    optimiser = torch.optim.Adam([embedding], lr=0.05)
    values = []
    for _ in range(80):
        optimiser.zero_grad()
        value = loss(embedding, label)
        value.backward()
        optimiser.step()
        values.append(value.item())
    z = torch.nn.functional.normalize(embedding.detach(), dim=-1)
    means = torch.stack([z[label == k].mean(dim=0) for k in (0, 1)])
    assert values[-1] < 0.1 * values[0]
    assert torch.dist(*means).item() > 1.3
    assert (z - means[label]).norm(dim=1).max().item() < 0.2


def test_the_margin_alone_reaches_the_embedding_through_the_batch():
    """Samples on their centres: the attraction is at rest, and what is left pushes the centres apart."""
    loss = ClassRegularisation(2, margin=1.0, weight=1.0)
    embedding = torch.tensor([[1.0, 0.1], [1.0, -0.1]], requires_grad=True)
    loss(embedding, torch.tensor([0, 1])).backward()
    assert embedding.grad[0, 1] < 0 < embedding.grad[1, 1]
    assert loss.centres.grad is None


def test_at_rest_the_centres_stay():
    loss = ClassRegularisation(4)
    generator = torch.Generator().manual_seed(0)
    label = torch.tensor([0.0, 1.0, 1.0])
    loss(torch.randn(3, 4, generator=generator), label)
    centres = loss.centres.clone()
    value = loss.eval()(torch.randn(3, 4, generator=generator), label)
    assert value > 0
    assert torch.equal(loss.centres, centres)


def test_before_anything_is_known_the_loss_is_nothing():
    embedding = torch.randn(3, 4, generator=torch.Generator().manual_seed(0), requires_grad=True)
    value = ClassRegularisation(4).eval()(embedding, torch.tensor([0, 1, 1]))
    assert value.item() == 0
    value.backward()
    assert torch.isfinite(embedding.grad).all()


def test_a_resumed_run_has_the_same_centres():
    first, second = ClassRegularisation(4), ClassRegularisation(4)
    embedding, label = torch.randn(6, 4, generator=torch.Generator().manual_seed(0)), torch.arange(6) % 2
    first(embedding, label)
    second.load_state_dict(first.state_dict())
    torch.testing.assert_close(first(-embedding, label), second(-embedding, label))


def test_equal_embeddings_have_a_finite_gradient():
    embedding = torch.ones(4, 3, requires_grad=True)
    loss = ClassRegularisation(3)(embedding, torch.tensor([0, 0, 1, 1]))
    loss.backward()
    assert torch.isfinite(loss)
    assert torch.isfinite(embedding.grad).all()


def test_it_is_float32_under_autocast():
    with torch.autocast("cpu", dtype=torch.bfloat16):
        value = ClassRegularisation(4)(torch.randn(3, 4).bfloat16(), torch.tensor([0, 1, 1]))
    assert value.dtype == torch.float32


@pytest.mark.parametrize("wrong", [{"momentum": 1.0}, {"momentum": -0.1}, {"margin": 0.0}, {"margin": 2.5}, {"num_classes": 1}])  # fmt: skip
def test_settings_out_of_range_are_refused(wrong):
    with pytest.raises(
        ValueError, match=r"momentum must be in \[0, 1\), margin in \(0, 2\] and num_classes at least 2"
    ):
        ClassRegularisation(4, **wrong)
