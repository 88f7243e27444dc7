"""Names beside evidence: what is asked of crops and cells, worked by hand; a run that asks; what is left of it when it is exported."""

from __future__ import annotations

import json
from dataclasses import replace
from math import exp, log

import onnx
import pytest
import torch

from bonaface.errors import RecipeError
from bonaface.models.species_telling import WORDS, Told
from bonaface.training.export import export_run
from bonaface.training.loop import train
from bonaface.training.species_loss import GENUINE, UNKNOWN, species_loss, words_of_shares
from bonaface.training.trained import detector_of_run
from bonaface.vocabulary import SPECIES

from .tiny import TINY, material

PRINT, SWAP = WORDS.index("print"), WORDS.index("faceswap")


def crops_with(changes):
    """A pair of flat crops of 32 pixels, in four cells, of which the attack changes each by so many steps."""
    crops = torch.full((2, 32, 32, 3), 100, dtype=torch.uint8)
    for at, change in enumerate(changes):
        rows, columns = slice(16 * (at // 2), 16 * (at // 2) + 16), slice(16 * (at % 2), 16 * (at % 2) + 16)
        crops[1, rows, columns, :] += change
    crops[1, 0, 0, 0] += 20 if changes[0] == 0 else 0  # 20 / (3 * 256) of a step: still the twin's
    return crops


def sure_of(word, cells):
    """Logits by which the whole is `word` for sure, and each cell what is said, both twins alike."""
    told = Told(torch.zeros(2, len(WORDS)), torch.zeros(2, len(cells), len(WORDS)))
    told.whole[:, word] = 50.0
    for at, cell in enumerate(cells):
        told.cells[:, at, cell] = 50.0
    return told


def test_words_of_shares():
    found = words_of_shares(["print", "swap", "faceswap", "faceswap+print", "rendition"])
    assert found.tolist() == [GENUINE, PRINT, SWAP, SWAP, UNKNOWN, WORDS.index("rendition")]
    assert tuple(SPECIES) == WORDS
    assert GENUINE == 0


def test_nothing_known_is_one_of_all_words():
    """Of logits that are all alike every question costs the logarithm of the number of words, and there are two."""
    told = Told(torch.zeros(2, len(WORDS)), torch.zeros(2, 4, len(WORDS)))
    found = species_loss(told, crops=crops_with([9, 9, 0, 0]), words=torch.tensor([GENUINE, PRINT]))
    assert found.item() == pytest.approx(2 * log(len(WORDS)), abs=1e-5)


def test_cells_by_hand():
    """The attack's third cell is changed by too little to say, so it may be called what it likes; the second is wrong."""
    crops = crops_with([0, 40, 0, 40])
    crops[1, 16:, :16, 0] += (
        torch.arange(16, dtype=torch.uint8)[:, None] // 11
    )  # 5 of 16 rows by one step of one channel
    crops[1, 16:, :16, 0] += 1
    told = sure_of(GENUINE, [GENUINE] * 4)
    told.cells[1, 2, SWAP] = 99.0
    told.cells[1, 3, PRINT] = 100.0
    words = torch.tensor([GENUINE, PRINT])
    whole = 50 / 2  # the attack's own word is wrong by 50, the twin's right
    cells = 50 / 7  # of four of the twin and three of the attack one is wrong
    assert species_loss(told, crops=crops, words=words).item() == pytest.approx(whole + cells, abs=1e-4)


def test_a_carrier_says_nothing():
    """Where the twin is a generated portrait, neither it nor the attack on it has a word, and a pair beside it has its own."""
    told = sure_of(SWAP, [SWAP] * 4)
    words = torch.tensor([UNKNOWN, PRINT])
    crops = crops_with([0, 40, 0, 0])
    told.whole.requires_grad_()
    told.cells.requires_grad_()
    species_loss(told, crops=crops, words=words).backward()
    assert (told.whole.grad == 0).all() and (told.cells.grad == 0).all()
    alone = Told(torch.randn(2, len(WORDS)), torch.randn(2, 4, len(WORDS)))
    both = Told(torch.cat([told.whole, alone.whole]), torch.cat([told.cells, alone.cells]))
    asked = torch.tensor([GENUINE, PRINT])
    torch.testing.assert_close(
        species_loss(both, crops=torch.cat([crops, crops]), words=torch.cat([words, asked])),
        species_loss(alone, crops=crops, words=asked),
    )


def test_a_softer_answer_costs_less():
    told = Told(torch.zeros(2, len(WORDS)), torch.zeros(2, 4, len(WORDS)))
    told.whole[1, PRINT] = log(9)
    found = species_loss(told, crops=crops_with([9] * 4), words=torch.tensor([GENUINE, PRINT]))
    share = exp(log(9)) / (9 + len(WORDS) - 1)
    asked = (log(len(WORDS)) - log(share)) / 2 + log(len(WORDS))
    assert found.item() == pytest.approx(asked, abs=1e-5)


TELLING = replace(TINY, epochs=1, model=replace(TINY.model, judges_cells=True, tells_species=True))


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    out = tmp_path_factory.mktemp("telling") / "run"
    train(TELLING, material(), out)
    return out


def test_a_run_asks_for_names(run, tmp_path):
    """A fresh detector knows no names: its loss is higher by their logarithms, weighed, than that of one that is not asked."""
    silent = replace(TELLING, optimisation=replace(TELLING.optimisation, species_weight=0.0))
    train(silent, material(), tmp_path / "silent")
    losses = []
    for folder in (tmp_path / "silent", run):
        lines = (folder / "events.jsonl").read_text(encoding="utf-8").splitlines()
        losses += [event["loss"] for event in map(json.loads, lines) if event["event"] == "epoch"]
    assert losses[1] - losses[0] > 0.3 * log(len(WORDS))


def test_names_are_asked_in_training_alone(run):
    detector, _ = detector_of_run(run)
    pixels = torch.zeros(2, 3, TELLING.contract.size, TELLING.contract.size)
    assert detector.train()(pixels).told is not None
    assert detector.eval()(pixels).told is None


def test_what_is_exported_knows_none_of_it(run, tmp_path):
    export_run(run, tmp_path / "bundle", version="1", licence="CC0-1.0")
    graph = onnx.load(tmp_path / "bundle/model.onnx").graph
    assert not [one.name for one in graph.initializer if "telling" in one.name]
    assert len(graph.output) == 2


def test_one_that_tells_goes_on_from_one_that_does_not_and_back(run, tmp_path):
    plain = replace(TELLING, model=replace(TELLING.model, tells_species=False))
    for name, recipe, start in (("plain", plain, run), ("telling", TELLING, tmp_path / "plain")):
        weights = detector_of_run(start)[0].state_dict()
        train(recipe, material(), tmp_path / name, start=weights)
        has_heads = any(
            key.startswith("telling.") for key in detector_of_run(tmp_path / name)[0].state_dict()
        )
        assert has_heads == (name == "telling")


def test_cells_must_be_judged(tmp_path):
    alone = replace(TELLING, model=replace(TELLING.model, judges_cells=False))
    with pytest.raises(RecipeError, match="tells_species wants judges_cells"):
        train(alone, material(), tmp_path / "run")
