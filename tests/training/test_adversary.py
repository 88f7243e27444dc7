from __future__ import annotations

import json
import pickle
from dataclasses import replace

import numpy as np
import pytest
import torch

from bonaface.data.chains import chain_named
from bonaface.data.pairs import Pairs
from bonaface.errors import CheckpointError, SimulationError
from bonaface.faces.crop import prepare
from bonaface.models.adversarial import VARIANTS
from bonaface.models.graph import DeployedDetector
from bonaface.models.nano import build_nano
from bonaface.training.adversary import AimedParameters, adversarial_simulation, adversary_of_run
from bonaface.training.checkpoint import Progress, save_checkpoint
from bonaface.training.recipe import to_dict

from .tiny import CONTRACT, TINY, scene


def saved(run, recipe=TINY, *, seed=4):
    """A run that was never trained, but whose scores do move."""
    detector = build_nano(recipe.model, mean=recipe.contract.mean, std=recipe.contract.std, seed=seed)
    save_checkpoint(
        run / "best", weights=detector.state_dict(), loop=None, progress=Progress(), recipe=to_dict(recipe)
    )  # fmt: skip
    return detector.eval()


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    folder = tmp_path_factory.mktemp("adversary") / "run"
    saved(folder)
    return folder


@pytest.fixture(scope="module")
def simulation(run):
    return adversarial_simulation(run)


def sha256(run):
    """The hash that the checkpoint itself says."""
    return json.loads((run / "best/checkpoint.json").read_text())["sha256"]["model.safetensors"]


def attack_score(detector, one):
    """By the graph that is deployed, of the gate's crop in whole code values."""
    deployed = DeployedDetector(detector, mean=CONTRACT.mean, std=CONTRACT.std, is_mirrored=True)
    crop = prepare(one.pixels, one.face, CONTRACT).pixels
    with torch.no_grad():
        return float(deployed(torch.from_numpy(crop[None]))[0])


def test_it_is_a_simulation_that_says_what_it_is_aimed_at(run, simulation):
    assert (simulation.name, simulation.species.name) == ("adversarial", "adversarial")
    assert simulation.variants == VARIANTS == ("fgsm", "pgd", "patch", "colour")
    assert not simulation.needs_partner
    drawn = simulation.drawn(np.random.default_rng(0), variant="patch")
    assert isinstance(drawn, AimedParameters)
    assert (drawn.recipe, drawn.weights_sha256) == ("tiny", sha256(run))
    assert (drawn.change.variant, drawn.change.target) == ("patch", "evade")
    assert adversary_of_run(run).aim == f"tiny {sha256(run)}"


@pytest.mark.parametrize("variant", VARIANTS)
def test_the_deployed_score_falls(run, simulation, variant):
    detector, falls = saved(run.parent / "same"), []
    # one long step goes too far in a model that was never trained
    strength = 0.1 if variant == "fgsm" else 1.5
    for number in range(4):
        drawn = simulation.drawn(np.random.default_rng(number), strength=strength, variant=variant)
        made = simulation.applied(scene(number), drawn)
        falls.append(attack_score(detector, scene(number)) - attack_score(detector, made))
    assert min(falls) > 0


@pytest.mark.parametrize("variant", VARIANTS)
def test_the_change_stays_where_it_may_be(simulation, variant):
    for number in range(4):
        clean = scene(number)
        drawn = simulation.drawn(np.random.default_rng(number), strength=1.5, variant=variant)
        made = simulation.applied(clean, drawn)
        assert clean.pixels.tobytes() == scene(number).pixels.tobytes()
        assert (made.face, made.size) == (clean.face, clean.size)
        changed = np.abs(made.pixels.astype(int) - clean.pixels).max(axis=2)
        assert changed.any()
        assert not changed[simulation.mask_of(clean, drawn) == 0].any()
        if variant in {"fgsm", "pgd"}:
            assert changed.max() <= drawn.change.epsilon <= 12  # 1.5 * 8 code values


def test_strength_is_epsilon(simulation):
    weak, strong = (
        simulation.drawn(np.random.default_rng(3), strength=strength, variant="pgd").change.epsilon
        for strength in (0.2, 1.5)
    )
    assert 1 <= weak < strong <= 12


def test_parameters_survive_json_to_the_byte_also_in_a_chain(simulation):
    added, rng = {"adversarial": simulation}, np.random.default_rng(5)
    for name in ("adversarial", "print+adversarial", "adversarial+print"):
        chain = chain_named(name, added)
        assert chain.species.name == name
        drawn = chain.drawn(rng, variants={"adversarial": "pgd"})
        again = chain.from_json(json.loads(json.dumps(chain.to_json(drawn))))
        assert again == drawn
        assert (
            chain.applied(scene(1), again).pixels.tobytes() == chain.applied(scene(1), drawn).pixels.tobytes()
        )
        assert chain.mask_of(scene(1), drawn).max() == 1


@pytest.mark.parametrize(
    "altered",
    [
        lambda plain: {**plain, "weights_sha256": 3},
        lambda plain: {**plain, "more": 1},
        lambda plain: {**plain, "change": {}},
        lambda plain: {**plain, "change": {**plain["change"], "epsilon": "8"}},
    ],
    ids=["kind", "unknown", "missing", "inside"],
)
def test_parameters_that_nobody_wrote(simulation, altered):
    chain = chain_named("adversarial", {"adversarial": simulation})
    plain = chain.to_json(chain.drawn(np.random.default_rng(0)))
    with pytest.raises(SimulationError, match=r"must be a|has no field|needs every field"):
        chain.from_json(altered(plain))


def test_another_process_and_other_threads_change_no_byte(simulation):
    drawn = simulation.drawn(np.random.default_rng(2), variant="pgd")
    wanted = simulation.applied(scene(2), drawn).pixels.tobytes()
    sent = pickle.loads(pickle.dumps(simulation))
    assert sent.applied(scene(2), drawn).pixels.tobytes() == wanted
    torch.set_num_threads(2)
    assert simulation.applied(scene(2), drawn).pixels.tobytes() == wanted
    assert torch.get_num_threads() == 2


def test_other_weights_are_refused(run, simulation, tmp_path):
    saved(tmp_path, seed=1)
    drawn = simulation.drawn(np.random.default_rng(0))
    with pytest.raises(CheckpointError) as e:
        adversarial_simulation(tmp_path).applied(scene(0), drawn)
    assert str(e.value) == (
        f"{tmp_path} must have the weights that the picture is made against, tiny with sha256 {sha256(run)}; "
        f"it has others, with {sha256(tmp_path)}; give the run that has those"
    )


def test_runs_that_can_not_be_aimed_at(tmp_path):
    with pytest.raises(CheckpointError, match="must be a checkpoint"):
        adversarial_simulation(tmp_path)
    whole = replace(TINY.contract, finder="whole", through_size=None)
    saved(tmp_path, replace(TINY, contract=whole, data=Pairs()))
    with pytest.raises(SimulationError) as e:
        adversarial_simulation(tmp_path)
    assert str(e.value) == (
        f"{tmp_path} must judge faces that a finder finds in pictures; it takes whole pictures; give another run"
    )
