import json
import re
from pathlib import Path

import pytest

from bonaface.errors import RecipeError
from bonaface.training.comparison_plan import read_plan
from bonaface.training.recipe import overridden
from bonaface.training.recipes import recipe_named

WHOLE = """
seeds = [3, 1]
settings = ["epochs=2", "batch_size=8"]

[recipes.nano]

[recipes.wide]
recipe = "nano"
settings = ["epochs=4"]

[protocols]
S1 = "lists/S1.csv"

[protocols.LOSO]
print = "lists/print.csv"
replay = "/elsewhere/replay.csv"
"""


@pytest.fixture
def written(tmp_path):
    def write(text):
        path = tmp_path / "plan.toml"
        path.write_text(text)
        return path

    return write


def test_a_plan_and_its_runs(written, tmp_path):
    plan = read_plan(written(WHOLE))
    assert list(plan.recipes) == ["nano", "wide"]
    assert plan.recipes["nano"] == overridden(recipe_named("nano"), ["epochs=2", "batch_size=8"])
    assert (plan.recipes["wide"].epochs, plan.recipes["wide"].batch_size) == (4, 8)
    lists = tmp_path / "lists"
    assert {
        name: {part: str(path) for part, path in parts.items()} for name, parts in plan.protocols.items()
    } == {
        "S1": {"": str(lists / "S1.csv")},
        "LOSO": {"print": str(lists / "print.csv"), "replay": "/elsewhere/replay.csv"},
    }
    cells = plan.cells()
    assert len(cells) == 2 * 3 * 2
    assert [(one.recipe_name, one.protocol, one.part, one.recipe.seed) for one in cells[:3]] == [
        ("nano", "S1", "", 3),
        ("wide", "S1", "", 3),
        ("nano", "LOSO", "print", 3),
    ]
    assert {one.recipe.seed for one in cells[6:]} == {1}
    assert cells[3].name == "wide on LOSO (print), seed 3"
    assert cells[3].folder(tmp_path) == tmp_path / "runs/wide/LOSO/print/3"
    assert cells[0].folder(tmp_path) == tmp_path / "runs/nano/S1/3"
    assert len({one.folder(tmp_path) for one in cells}) == len(cells)


def test_the_plan_of_the_guide_is_one(written):
    guide = (Path(__file__).parents[2] / "docs/guides/comparing.md").read_text(encoding="utf-8")
    plan = read_plan(written(re.search(r"```toml\n(.*?)```", guide, re.DOTALL)[1]))
    assert plan.recipes["softmoe"].model.experts.combine == "softmax"
    assert (len(plan.protocols["LOSO"]), len(plan.cells())) == (3, 3 * 5 * 3)


def test_one_seed_by_default(written):
    assert read_plan(written(WHOLE.replace("seeds = [3, 1]", ""))).seeds == (0,)


RECIPES, PROTOCOLS = "[recipes.nano]\n", '[protocols]\nS1 = "S1.csv"\n'


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("seeds = [", "PLAN must be a plan in TOML; it is not ("),
        ("sedes = [1]", "PLAN has recipes, protocols, seeds, settings; got 'sedes'; did you mean 'seeds'?"),
        (PROTOCOLS, "PLAN must have a table [recipes] with an entry; it has none; add e.g. plain = {recipe = \"nano\"}"),
        (RECIPES, 'PLAN must have a table [protocols] with an entry; it has none; add e.g. S1 = "S1.csv"'),
        (RECIPES + "[protocols]", 'PLAN must have a table [protocols] with an entry; it has none; add e.g. S1 = "S1.csv"'),
        ("seeds = []\n" + RECIPES + PROTOCOLS, "PLAN: seeds must be a list of different whole numbers; got []"),
        ("seeds = [1, 1]\n" + RECIPES + PROTOCOLS, "PLAN: seeds must be a list of different whole numbers; got [1, 1]"),
        ("seeds = [true]\n" + RECIPES + PROTOCOLS, "PLAN: seeds must be a list of different whole numbers; got [True]"),
        ("seeds = 1\n" + RECIPES + PROTOCOLS, "PLAN: seeds must be a list of different whole numbers; got 1"),
        ('settings = "epochs=1"\n' + RECIPES + PROTOCOLS,
         "PLAN: settings must be a list of texts key=value, as --set; got 'epochs=1'"),
        ("[recipes.nano]\nsettings = [1]\n" + PROTOCOLS,
         "PLAN: recipes.nano: settings must be a list of texts key=value, as --set; got [1]"),
        ("[recipes.nanno]\n" + PROTOCOLS, "PLAN: recipes.nanno: the recipe must be one of nano"),
        ("[recipes.nano]\nsettings = ['epoch=1']\n" + PROTOCOLS, "; did you mean 'epochs'?"),
        ("[recipes.nano]\nrecipe = 3\n" + PROTOCOLS, "PLAN: recipes.nano.recipe must be the name of a recipe; got 3"),
        ("[recipes.nano]\nsetting = ['a=1']\n" + PROTOCOLS,
         "PLAN: recipes.nano has recipe, settings; got 'setting'; did you mean 'settings'?"),
        ('[recipes]\nnano = "nano"\n' + PROTOCOLS,
         "PLAN: recipes.nano must be a table with recipe and settings; got 'nano'"),
        ('[recipes."a/b"]\nrecipe = "nano"\n' + PROTOCOLS,
         "PLAN: recipes: a name must be of letters, digits, '.', '_' and '-', since it names a folder; got 'a/b'"),
        ('[recipes.".."]\nrecipe = "nano"\n' + PROTOCOLS, "since it names a folder; got '..'"),
        (RECIPES + '[protocols]\n"S 1" = "S1.csv"\n', "PLAN: protocols: a name must be of letters"),
        (RECIPES + '[protocols.loso]\n"" = "a.csv"\n', "PLAN: protocols.loso: a name must be of letters"),
        (RECIPES + "[protocols]\nS1 = 3\n", "PLAN: protocols.S1 must be a manifest, or a table of manifests by part; got 3"),
        (RECIPES + "[protocols.S1]\n", "PLAN: protocols.S1 must be a manifest, or a table of manifests by part; got {}"),
        (RECIPES + "[protocols.S1]\na = 1\n", "or a table of manifests by part; got {'a': 1}"),
    ],
)  # fmt: skip
def test_mistakes_in_a_plan(written, text, said):
    path = written(text)
    with pytest.raises(RecipeError) as error:
        read_plan(path)
    assert said.replace("PLAN", str(path)) in str(error.value)
    assert "\n" not in str(error.value)


def test_no_plan_at_all(tmp_path):
    with pytest.raises(RecipeError, match=r"must be a plan in TOML; it does not exist; check the path$"):
        read_plan(tmp_path / "plan.toml")
    (tmp_path / "plan.toml").write_bytes(b"\xff\xfe")
    with pytest.raises(RecipeError, match="must be a plan in TOML; it is not"):
        read_plan(tmp_path / "plan.toml")


def test_values_are_written_as_for_set(written):
    shares = json.dumps('mixture.shares={"print": 1.0}')
    plan = read_plan(written(f"[recipes.nano]\nsettings = [{shares}]\n{PROTOCOLS}"))
    assert plan.recipes["nano"].mixture.shares == {"print": 1.0}
