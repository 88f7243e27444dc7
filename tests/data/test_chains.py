from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

import numpy as np
import pytest

from bonaface.attacks.scene import Scene
from bonaface.attacks.simulations import SIMULATIONS, Simulation
from bonaface.data.chains import chain_named, check_variants, drawn_variants, is_simulated
from bonaface.errors import SimulationError
from bonaface.vocabulary import SPECIES, Family

from .test_samples import scene


def test_a_simulation_alone_is_a_chain_of_one():
    for name, simulation in SIMULATIONS.items():
        chain = chain_named(name)
        assert (chain.name, chain.steps) == (name, (simulation,))
        assert chain.species is simulation.species
        assert chain.needs_partner == simulation.needs_partner == (name in {"paper_mask", "swap", "morph"})


def test_a_chain_has_the_species_of_its_steps():
    chain = chain_named("swap+print")
    assert [step.name for step in chain.steps] == ["swap", "print"]
    assert (chain.species.name, chain.species.family) == ("faceswap+print", Family.PHYSICAL)
    assert chain.species.steps == (SPECIES["faceswap"], SPECIES["print"])
    assert chain.needs_partner
    assert not chain_named("faceswap+print").needs_partner


@pytest.mark.parametrize(
    ("name", "tail"),
    [
        ("prnt", "got 'prnt'; did you mean 'print'?"),
        ("faceswap+prnt", "got 'prnt' in 'faceswap+prnt'; did you mean 'print'?"),
        ("diffusion", "got 'diffusion'"),
        ("print+", "got '' in 'print+'"),
    ],
)
def test_a_step_that_is_no_simulation(name, tail):
    assert not is_simulated(name)
    with pytest.raises(SimulationError) as e:
        chain_named(name)
    known = ", ".join(SIMULATIONS)
    assert str(e.value) == f"a simulated attack must be one of {known}, or several joined by '+'; {tail}"


def test_what_is_simulated():
    assert is_simulated("print")
    assert is_simulated("swap+replay")
    assert not is_simulated("bonafide")


def test_the_mask_of_a_chain_covers_that_of_every_step():
    chain, rng = chain_named("faceswap+cutout"), np.random.default_rng(3)
    assert (chain.mask_of(scene(), chain.drawn(rng)) == 1).all()  # a cutout is a whole recaptured picture
    chain = chain_named("faceswap+attribute_edit")
    parameters = chain.drawn(rng)
    mask = chain.mask_of(scene(), parameters)
    first, second = chain.steps
    between = first.applied(scene(), parameters[0])
    assert (mask >= first.mask_of(scene(), parameters[0])).all()
    assert (mask >= second.mask_of(between, parameters[1])).all()
    changed = (chain.applied(scene(), parameters).pixels != scene().pixels).any(axis=2)
    assert changed.any()
    assert not changed[mask == 0].any()


def test_parameters_of_another_chain_are_refused():
    chain = chain_named("faceswap+print")
    plain = chain.to_json(chain.drawn(np.random.default_rng(0)))
    assert isinstance(plain, list)
    with pytest.raises(SimulationError) as e:
        chain.from_json(plain[:1])
    assert str(e.value) == "faceswap+print must have the parameters of 2 steps; got 1"
    with pytest.raises(SimulationError, match="FaceswapParameters has no field"):
        chain.from_json(plain[::-1])


@pytest.mark.parametrize(
    ("variants", "sentence"),
    [
        (
            {"replay": ["moire"]},
            "variants must be of the simulated attacks in use, swap, print, spsc; got 'replay'",
        ),
        (
            {"pint": ["laser"]},
            "variants must be of the simulated attacks in use, swap, print, spsc; got 'pint'; did you mean 'print'?",
        ),
        ({"spsc": ["moire"]}, "spsc has no variants to choose from; got 'moire'"),
        (
            {"print": []},
            "print must keep at least one of its variants copier, canvas, laser, mixed, inkjet, photo; got none",
        ),
        (
            {"print": ["laser", "foto"]},
            "a variant of print must be one of copier, canvas, laser, mixed, inkjet, photo; got 'foto'; did you mean 'photo'?",
        ),
    ],
)
def test_variants_that_can_not_be_chosen(variants, sentence):
    with pytest.raises(SimulationError) as e:
        check_variants(variants, ["swap+print", "spsc", "print"])
    assert str(e.value) == sentence


def test_variants_of_no_attack_at_all():
    check_variants({}, [])
    with pytest.raises(SimulationError, match="in use, here none; got 'print'"):
        check_variants({"print": ["laser"]}, [])


def test_allowed_variants_are_alike_likely_and_no_choice_draws_nothing():
    chain, rng = chain_named("swap+print"), np.random.default_rng(5)
    check_variants({"print": ["laser", "mixed"]}, ["swap+print"])
    drawn = [drawn_variants(chain, {"print": ["laser", "mixed"]}, rng) for _ in range(400)]
    assert {tuple(one) for one in drawn} == {("print",)}
    counts = Counter(one["print"] for one in drawn)
    assert set(counts) == {"laser", "mixed"}
    assert counts["laser"] / 400 == pytest.approx(0.5, abs=0.1)  # 4 standard errors
    rng = np.random.default_rng(5)
    assert drawn_variants(chain, {}, rng) == {}
    assert rng.random() == np.random.default_rng(5).random()


@dataclass(frozen=True)
class Tint:
    """Parameters of a simulation that not everybody has."""

    red: int


def added():
    """A reddening, by the name of the one simulation that is always an added one."""

    def redden(scene, parameters):
        pixels = scene.pixels.copy()
        pixels[..., 0] = parameters.red
        return Scene(pixels, scene.face)

    reddening = Simulation(
        "adversarial", SPECIES["adversarial"], lambda rng, *, strength, variant="deep": Tint(200), redden, Tint,
        variants=("deep", "pale"),
    )  # fmt: skip
    return {"adversarial": reddening}


def test_an_added_simulation_is_a_step_like_any_other():
    chain = chain_named("faceswap+adversarial", added())
    assert [step.name for step in chain.steps] == ["faceswap", "adversarial"]
    assert chain.species.name == "faceswap+adversarial"
    drawn = chain.drawn(np.random.default_rng(0), variants={"adversarial": "pale"})
    assert drawn[1] == Tint(200)
    assert (chain.applied(scene(), drawn).pixels[..., 0] == 200).all()
    again = chain.from_json(chain.to_json(drawn))
    assert again == drawn
    for wrong, sentence in (
        ({"red": "200"}, "Tint.red must be a int; got '200'"),
        ({"red": 200, "blue": 1}, "Tint has no field 'blue'"),
        ({}, "Tint needs every field; missing red"),
        (None, "Tint must be a mapping of its fields; got NoneType"),
    ):
        with pytest.raises(SimulationError) as e:
            chain.from_json([chain.to_json(drawn)[0], wrong])
        assert str(e.value) == sentence
    assert "adversarial" not in SIMULATIONS
    assert not is_simulated("adversarial")


def test_variants_of_an_added_simulation():
    check_variants({"adversarial": ["pale"]}, ["adversarial+print"], added())
    with pytest.raises(
        SimulationError, match="a variant of adversarial must be one of deep, pale; got 'pail'"
    ):
        check_variants({"adversarial": ["pail"]}, ["adversarial+print"], added())


def test_an_adversary_without_anything_to_aim_at():
    for name, where in (("adversarial", ""), ("print+adversarial", " in 'print+adversarial'")):
        with pytest.raises(SimulationError) as e:
            chain_named(name)
        assert str(e.value) == (
            f"'adversarial'{where} must be aimed at a detector; got none; "
            "give the folder of its training run with --against"
        )
    with pytest.raises(SimulationError, match="got 'adverserial'; did you mean 'adversarial'"):
        chain_named("adverserial")
    with pytest.raises(SimulationError, match="generated, injection, adversarial, or several"):
        chain_named("prnt", added())
