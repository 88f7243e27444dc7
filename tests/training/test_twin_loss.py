import json
from dataclasses import replace
from math import log

import pytest
import torch

from bonaface.data.clue_schedule import Clues
from bonaface.data.pairs import Pairs
from bonaface.errors import RecipeError
from bonaface.models.detector import Evidence, any_attack_logit
from bonaface.training.detection import Detection
from bonaface.training.loop import train
from bonaface.training.task import Learning
from bonaface.training.twin_loss import twin_loss

from .tiny import TINY, material

TWIN, ALL = [0.0, 0.0], [1.0, 1.0]


def loss(logits, targets, known):
    return twin_loss(torch.tensor(logits), targets=torch.tensor(targets), known=torch.tensor(known))


def test_worked_by_hand():
    # a physical attack three to one above its twin, which says nothing of the other family; a digital one level with its twin
    logits = [[1.0, 5.0], [1.0 + log(3), 0.0], [-2.0, 0.5], [7.0, 0.5]]
    targets = [TWIN, [1.0, 0.0], TWIN, [0.0, 1.0]]
    known = [ALL, [1.0, 0.0], ALL, ALL]
    assert loss(logits, targets, known).item() == pytest.approx((log(4 / 3) + log(2)) / 2, abs=1e-6)


def test_the_picture_itself_counts_nothing():
    logits = torch.randn(8, 2, generator=torch.Generator().manual_seed(0))
    targets, known = torch.tensor([TWIN, [0.0, 1.0]] * 4), torch.ones(8, 2)
    moved = logits + torch.arange(4.0).repeat_interleave(2)[:, None]
    found = [twin_loss(each, targets=targets, known=known).item() for each in (logits, moved)]
    assert found[0] == pytest.approx(found[1], abs=1e-6)


def test_what_is_unknown_teaches_nothing():
    logits = torch.zeros(4, 2, requires_grad=True)
    # a twin of which nobody knows whether a network drew it, and an attack on it that was held before a camera
    targets = torch.tensor([TWIN, [1.0, 1.0]] * 2)
    known = torch.tensor([[1.0, 0.0], ALL] * 2)
    twin_loss(logits, targets=targets, known=known).backward()
    assert (logits.grad[1::2, 0] < 0).all()
    assert (logits.grad[0::2, 0] > 0).all()
    assert (logits.grad[:, 1] == 0).all()
    nothing = twin_loss(logits, targets=targets, known=torch.zeros(4, 2))
    assert nothing.item() == 0


def test_what_holds_beside_the_twin_teaches_the_difference_alone():
    """A forgery over a picture of which nobody knows what it is: the gap is asked for, the heights are not."""
    recipe = replace(TINY, optimisation=replace(TINY.optimisation, twin_weight=1.0))
    task = Detection(recipe, ("bonafide", "faceswap"), None)
    logits = torch.zeros(2, 2, requires_grad=True)
    evidence = Evidence(logits, any_attack_logit(logits), torch.zeros(2, 4))
    batch = {
        "crop": torch.zeros(2, 32, 32, 3, dtype=torch.uint8),
        "label": torch.full((2,), torch.nan),
        "targets": torch.tensor([[0.0, 0.0], [0.0, 1.0]]),
        "known": torch.zeros(2, 2),
        "compared": torch.ones(2, 2),
        "species": torch.tensor([0, 1]),
    }
    task.of_evidence(evidence, Learning(task.model, task.model), batch).backward()
    assert logits.grad[:, 1].sum().item() == pytest.approx(0, abs=1e-7)
    assert logits.grad[1, 1] < 0 < logits.grad[0, 1]
    assert (logits.grad[:, 0] == 0).all()


def test_a_run_learns_from_twins(tmp_path):
    """A fresh detector can not tell an attack from its twin, and its loss says so."""
    losses = []
    for weight in (0.0, 1.0):
        how = replace(TINY.optimisation, twin_weight=weight)
        train(replace(TINY, epochs=1, optimisation=how), material(), tmp_path / str(weight))
        lines = (tmp_path / str(weight) / "events.jsonl").read_text(encoding="utf-8").splitlines()
        losses += [event["loss"] for event in map(json.loads, lines) if event["event"] == "epoch"]
    assert losses[1] - losses[0] > log(2) / 2


def test_what_is_no_pair_is_refused():
    how = replace(TINY.optimisation, twin_weight=0.5)
    with pytest.raises(RecipeError, match=r"^batch_size must be even, for whole pairs; got 3"):
        replace(TINY, batch_size=3, optimisation=how)
    for data in (Clues(), Pairs(resize=40)):
        with pytest.raises(
            RecipeError, match=rf"^optimisation.twin_weight must be 0 with {data.kind}, whose"
        ):
            replace(TINY, data=data, contract=replace(TINY.contract, finder="whole"), optimisation=how)


def test_one_family_is_refused():
    single = replace(TINY.model, num_families=1)
    with pytest.raises(RecipeError, match=r"^model.num_families must be 2 where twins are compared"):
        replace(TINY, model=single, optimisation=replace(TINY.optimisation, twin_weight=0.5))
    assert replace(TINY, model=single).model.num_families == 1
