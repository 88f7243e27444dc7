"""Telling species apart, against scikit-learn's multinomial regression."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import StandardScaler

from bonaface.errors import BundleError
from bonaface.training import species_readout as room
from bonaface.training.species_readout import LEAST_PEOPLE, solved, species_readout

NAMES = ("faceswap", "print", "replay")


def attacks(people: int = 30, *, apart: float = 1.0, seed: int = 0):
    """An attack of each species by each person, around a direction of the species and one of the person."""
    rng = np.random.default_rng(seed)
    centres, own = apart * rng.normal(size=(3, 6)), rng.normal(size=(people, 6))
    embedding = np.concatenate([centre + own + 0.5 * rng.normal(size=own.shape) for centre in centres])
    species = [name for name in NAMES for _ in range(people)]
    return torch.tensor(embedding, dtype=torch.float32), species, [f"p{i}" for i in range(people)] * 3


@pytest.mark.parametrize("penalty", [0.3, 0.01])
def test_as_scikit_learn_solves_it(penalty):
    embedding, species, _ = attacks()
    unit = torch.nn.functional.normalize(embedding.double(), dim=1)
    target = torch.tensor([NAMES.index(name) for name in species])
    weight, offset = solved(unit, target, num_species=3, penalty=penalty)
    found = torch.softmax(unit @ weight.T + offset, dim=1)
    scaler = StandardScaler().fit(unit.numpy())
    witness = LogisticRegression(C=1 / (penalty * len(unit)), tol=1e-10, max_iter=10_000)
    witness.fit(scaler.transform(unit.numpy()), species)
    np.testing.assert_allclose(
        found.numpy(), witness.predict_proba(scaler.transform(unit.numpy())), atol=2e-5
    )


def test_the_head_gives_what_was_solved_and_the_card_says_how_well():
    embedding, species, subjects = attacks(apart=3.0)
    readout = species_readout(embedding, species, subjects)
    assert readout is not None
    chances = readout.head(embedding)
    torch.testing.assert_close(chances.sum(dim=1), torch.ones(90))
    right = [NAMES[int(best)] == name for best, name in zip(chances.argmax(dim=1), species, strict=True)]
    assert np.mean(right) > 0.9
    told = readout.told
    assert (told.names, told.rows, told.people) == (NAMES, 90, 30)
    assert told.chance == pytest.approx(1 / 3)
    assert told.log_loss_of_shares == pytest.approx(np.log(3))
    assert told.accuracy > 0.85
    assert told.log_loss < 0.6 < told.log_loss_of_shares


def test_where_nothing_tells_species_apart_the_figures_say_so():
    embedding, species, subjects = attacks(people=60, apart=0.0, seed=3)
    told = species_readout(embedding, species, subjects).told
    assert told.accuracy < 0.45
    assert told.log_loss > told.log_loss_of_shares - 0.03
    assert told.penalty == max(room.PENALTIES)


def test_nobody_is_on_both_sides():
    """Every person's attacks stand in a direction of their own, so knowing the person would tell all."""
    people, rng = 40, np.random.default_rng(1)
    own = np.eye(people)
    species = [NAMES[i] for i in rng.integers(2, size=people) for _ in range(4)]
    embedding = torch.tensor(np.repeat(own, 4, axis=0) + 0.01 * rng.normal(size=(people * 4, people)))
    subjects = [f"p{i}" for i in range(people) for _ in range(4)]
    assert species_readout(embedding, species, subjects).told.accuracy < 0.75


def test_a_species_of_few_people_is_left_out():
    embedding, species, subjects = attacks(people=LEAST_PEOPLE)
    kept = [row for row in range(len(species)) if (species[row], subjects[row]) != ("print", "p0")]
    readout = species_readout(embedding[kept], [species[i] for i in kept], [subjects[i] for i in kept])
    assert readout.told.names == ("faceswap", "replay")
    assert readout.told.rows == 2 * LEAST_PEOPLE


def test_one_species_is_not_told_from_itself():
    embedding, species, subjects = attacks()
    assert species_readout(embedding[:30], species[:30], subjects[:30]) is None
    assert species_readout(embedding[:0], [], []) is None


def test_rows_that_do_not_fit_together():
    embedding, species, subjects = attacks()
    with pytest.raises(BundleError, match="got 90, 89 and 90"):
        species_readout(embedding, species[1:], subjects)
