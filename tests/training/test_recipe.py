import json
from dataclasses import replace

import pytest

from bonaface.contract import InputContract
from bonaface.data.dataset import Mixture
from bonaface.data.pairs import Pairs
from bonaface.errors import RecipeError
from bonaface.training.recipe import Recipe, from_dict, overridden, to_dict
from bonaface.training.recipes import RECIPES, recipe_named

from .tiny import TINY


@pytest.mark.parametrize("recipe", [*(make() for make in RECIPES.values()), TINY], ids=lambda r: r.name)
def test_plain_values_and_back(recipe):
    plain = json.loads(json.dumps(to_dict(recipe)))
    again = from_dict(plain)
    assert again == recipe
    assert type(again.model) is type(recipe.model)
    assert type(again.data) is type(recipe.data)
    assert isinstance(again.contract.mean, tuple)
    assert isinstance(again.mixture.strength, tuple)
    assert isinstance(again.mixture.shares, dict)
    assert to_dict(again) == plain


def test_a_setting_that_is_not_written_has_its_default():
    assert from_dict({"name": "mine"}) == Recipe(name="mine")
    assert from_dict({"name": "mine", "optimisation": {"lr_new": 1}}).optimisation.lr_new == 1.0


def test_runs_from_before_there_were_kinds_are_of_the_first():
    plain = to_dict(TINY)
    for union in ("model", "data"):
        assert plain[union].pop("kind") in {"nano", "simulated"}
    del plain["data"]
    assert from_dict(plain) == TINY
    assert isinstance(from_dict(plain).model.stem_widths, tuple)


def test_another_kind_of_data():
    recipe = overridden(TINY, ["data.kind=pairs", "contract.finder=whole"])
    assert recipe.data == Pairs()
    assert overridden(recipe, ["data.kind=simulated", "contract.finder=dlib_hog"]) == TINY
    again = overridden(recipe, ["data.resize=40", "data.colour=0.5"])
    assert again.data == Pairs(resize=40, colour=0.5)


def test_settings_of_a_backbone():
    recipe = recipe_named("practical")
    plain = overridden(recipe, ["model.experts=null", "model.prompts=null", "model.blocks=[0, 3]"]).model
    assert (plain.experts, plain.prompts, plain.blocks) == (None, None, (0, 3))
    other = overridden(
        recipe, ['model.prompts.templates=["la_softmoe"]', "model.source=a/b", "model.experts.hidden=mlp"]
    )
    assert other.model.prompts.templates == ("la_softmoe",)
    assert (other.model.source, other.model.experts.hidden) == ("a/b", "mlp")


def test_overrides_of_every_depth_and_kind():
    recipe = overridden(
        TINY,
        [
            "epochs=7",
            "name=mine",
            "optimisation.lr_new=0.5",
            "model.experts.combine=softmax",
            "model.experts.in_enabled=true",
            "mixture.strength=[0.1, 0.2]",
            "mixed_precision=bf16",
        ],
    )
    assert (recipe.epochs, recipe.name, recipe.optimisation.lr_new) == (7, "mine", 0.5)
    assert (recipe.model.experts.combine, recipe.model.experts.in_enabled) == ("softmax", True)
    assert recipe.mixture.strength == (0.1, 0.2)
    assert recipe.mixed_precision == "bf16"
    assert TINY.epochs == 3


def test_shares_are_open():
    recipe = Recipe(name="mine")
    assert overridden(recipe, ["mixture.shares.print=0"]).mixture.shares == {
        **Mixture().shares,
        "print": 0,
    }
    assert overridden(recipe, ["mixture.shares.morph=0.3"]).mixture.shares["morph"] == 0.3
    assert overridden(recipe, ["mixture.shares.faceswap+print=0.05"]).mixture.shares["faceswap+print"] == 0.05
    assert recipe.mixture.shares == Mixture().shares


def test_variants_are_open():
    one = overridden(TINY, ['mixture.variants.print=["laser"]'])
    assert one.mixture.variants == {"print": ("laser",)}
    assert overridden(TINY, ['mixture.variants={"print": ["laser"]}']) == one
    assert from_dict(to_dict(one)) == one
    with pytest.raises(RecipeError, match=r"^mixture\.variants\.print"):
        overridden(TINY, ["mixture.variants.print=laser"])


def test_the_last_of_two_settings_counts():
    assert overridden(TINY, ["epochs=5", "epochs=6"]).epochs == 6


def test_what_must_agree_can_be_set_together():
    recipe = overridden(TINY, ["model.image_size=48", "contract.size=48"])
    assert recipe.model.image_size == recipe.contract.size == 48


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        ("epoch=3", r"^the recipe has name, .*; got 'epoch' in 'epoch=3'; did you mean 'epochs'\?$"),
        ("optimisation.lr_nwe=1", r"^optimisation has .*got 'lr_nwe' .*did you mean 'lr_new'\?$"),
        ("model.experts.hiden=1", r"^model.experts has .*did you mean 'hidden'\?$"),
        ("optimisaton.lr_new=1", r"^the recipe has .*did you mean 'optimisation'\?$"),
        ("mixtur.shares.print=0", r"^the recipe has .*got 'mixtur' .*did you mean 'mixture'\?$"),
        ("shares.print=0", r"^the recipe has .*got 'shares'"),
        ("epochs.more=1", r"^epochs has nothing below it; got 'more' in 'epochs.more=1'$"),
        ("mixture.shares.diffusion.more=1", r"^mixture.shares.diffusion has nothing below it; got 'more'"),
        ("mixture.shares.print.more=1", r"^mixture.shares has diffusion; got 'print'"),
        ("=1", r"^the recipe has .*got ''"),
        ("epochs", r"^a setting must be written key=value; got 'epochs'$"),
        ("epochs=many", r"^epochs: .*valid integer; got 'many'$"),
        ("epochs=2.5", r"^epochs: .*; got 2.5$"),
        ("epochs=true", r"^epochs: .*; got True$"),
        ('epochs="3"', r"^epochs: .*; got '3'$"),
        ("optimisation.lr_new=fast", r"^optimisation.lr_new: .*; got 'fast'$"),
        ("model.stem_widths=[1, 2]", r"^model.stem_widths.2: Field required$"),
        ("mixture.shares.print=[1]", r"^mixture.shares.print: .*; got \[1\]$"),
        ("contract.outside=mirror", r"^contract.outside: .*; got 'mirror'$"),
        ("mixed_precision=fp8", r"^mixed_precision: .*; got 'fp8'$"),
        ("epochs=0", r"^epochs must be at least 1; got 0$"),
        ("batch_size=-4", r"^batch_size must be at least 1; got -4$"),
        ("optimisation.accumulation=0", r"^optimisation.accumulation must be at least 1; got 0$"),
        ("optimisation.kind=adamx", r"^optimisation.kind: .*; got 'adamx'$"),
        (
            "model.kind=nanno",
            r"^model.kind must be one of nano, backbone, .*; got 'nanno'; did you mean 'nano'\?$",
        ),
        (
            "data.kind=pears",
            r"^data.kind must be one of simulated, pairs, .*; got 'pears'; did you mean 'pairs'\?$",
        ),
        (
            "data.kind=pairs",
            r"^contract.finder must be 'whole', .*; got 'dlib_hog'; set data.kind or contract.finder$",
        ),
        (
            "contract.finder=whole",
            r"^contract.finder must be one that finds faces; got 'whole'; set data.kind or",
        ),
        (
            'distillation={"teachers":["x"],"wieght":0.9}',
            r"^distillation has teachers, .*; got 'wieght'; did you mean 'weight'\?$",
        ),
        ('masking={"rato":0.5}', r"^masking has .*; got 'rato'; did you mean 'ratio'\?$"),
        ("data.resize=3", r"^data has kind, kept_pairs; got 'resize' in 'data.resize=3'$"),
        ("contract.size=64", r"^model.image_size and contract.size must be equal; got 32 and 64; set both$"),
    ],
)
def test_settings_that_do_not_fit(setting, message):
    with pytest.raises(RecipeError, match=message):
        overridden(TINY, [setting])


def test_pairs_are_not_torn_apart():
    with pytest.raises(RecipeError, match=r"^batch_size must be even, for whole pairs; got 5$"):
        overridden(recipe_named("paper"), ["batch_size=5"])


def test_unknown_words_deep_in_a_backbone():
    for setting, near in (
        ("model.tund=all", "tuned"),
        ("model.prompts.levl=class", "level"),
        ("data.rsize=3", "resize"),
    ):
        with pytest.raises(RecipeError, match=rf"did you mean '{near}'\?$"):
            overridden(recipe_named("paper"), [setting])
    with pytest.raises(RecipeError, match=r"^model.tuned: .*; got 'some'$"):
        overridden(recipe_named("paper"), ["model.tuned=some"])


def test_plain_values_that_do_not_fit():
    with pytest.raises(RecipeError, match=r"^name: Field required$"):
        from_dict({})
    with pytest.raises(RecipeError, match=r"did you mean 'seed'\?$"):
        from_dict({"name": "mine", "sed": 1})
    with pytest.raises(
        RecipeError, match=r"^model.experts has .*got 'in_enable'; did you mean 'in_enabled'\?$"
    ):
        from_dict({"name": "mine", "model": {"experts": {"in_enable": True}}})
    with pytest.raises(RecipeError, match=r"^model: "):
        from_dict({"name": "mine", "model": 3})


def test_a_recipe_made_in_code_is_checked_alike():
    with pytest.raises(RecipeError, match="set both"):
        replace(TINY, contract=InputContract(size=64))
