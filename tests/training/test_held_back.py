import pytest

from bonaface.data.dataset import Mixture
from bonaface.data.manifest import Manifest, Row
from bonaface.errors import ManifestError
from bonaface.training.held_back import without_held_back
from bonaface.vocabulary import SPECIES, Split, species_named

MIXTURE = Mixture(
    shares={"print": 0.2, "faceswap": 0.3, "swap": 0.2, "sdsc": 0.1, "faceswap+print": 0.2},
    variants={"print": ("laser",), "swap": ("alpha",)},
)


def manifest(tmp_path, **splits: str) -> Manifest:
    rows = [
        Row(f"{split}-{name}.png", SPECIES[name].label, SPECIES[name], f"{split} {name}", Split(split))
        for split, names in splits.items()
        for name in names.split()
    ]
    return Manifest(tuple(rows), tmp_path)


def test_an_unseen_species_is_not_simulated_and_no_chain_of_it(tmp_path):
    held = without_held_back(
        MIXTURE, manifest(tmp_path, train="bonafide faceswap", dev="faceswap", test="bonafide print")
    )
    assert held.shares == {"faceswap": 0.3, "swap": 0.2, "sdsc": 0.1}
    assert held.variants == MIXTURE.variants
    assert held.strength == MIXTURE.strength


def test_both_simulations_of_a_species_go(tmp_path):
    held = without_held_back(
        MIXTURE, manifest(tmp_path, train="bonafide print", test="bonafide faceswap print")
    )
    assert held.shares == {"print": 0.2, "sdsc": 0.1}


@pytest.mark.parametrize("train", ["bonafide", "bonafide print faceswap"])
def test_nothing_is_held_back_where_train_has_no_attacks_or_all(tmp_path, train):
    assert without_held_back(MIXTURE, manifest(tmp_path, train=train, test="print faceswap")) == MIXTURE


def test_something_must_be_left(tmp_path):
    with pytest.raises(
        ManifestError, match=r"it keeps print, and the mixture has nothing else; add a share$"
    ):
        without_held_back(Mixture(shares={"print": 1.0}), manifest(tmp_path, train="replay", test="print"))


@pytest.mark.parametrize("train", ["bonafide print faceswap", "bonafide faceswap"])
def test_a_chain_kept_for_test_is_not_simulated_though_its_steps_are(tmp_path, train):
    chain = species_named("faceswap+print")
    known = manifest(tmp_path, train=train, test="bonafide")
    rows = (*known.rows, Row("test-chain.png", chain.label, chain, "cy", Split.TEST))
    held = without_held_back(MIXTURE, Manifest(rows, tmp_path))
    assert held.shares == {name: share for name, share in MIXTURE.shares.items() if name != chain.name}
