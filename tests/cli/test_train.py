from __future__ import annotations

import json

import pytest

from .conftest import BLUE, RED, paint

pytestmark = pytest.mark.usefixtures("middle")

SMALL = {
    "epochs": 1, "samples_per_epoch": 4, "batch_size": 2, "num_workers": 0,
    "model.image_size": 32, "model.hidden_size": 16, "model.num_layers": 1, "model.num_heads": 2,
    "model.stem_widths": [4, 6, 8], "model.embedding_size": 8, "contract.size": 32,
}  # fmt: skip


def settings(**changes):
    return [
        word
        for key, value in {**SMALL, **changes}.items()
        for word in ("--set", f"{key}={json.dumps(value)}")
    ]


@pytest.fixture
def manifest(tmp_path):
    lines = ["path,label,species,subject,split,source,licence"]
    for split in ("train", "dev", "test"):
        for i in range(2):
            who = f"{split}{i}"
            paint(tmp_path / f"{who}.png", BLUE)
            paint(tmp_path / f"{who}-made.png", RED)
            lines.append(f"{who}.png,bonafide,bonafide,{who},{split},made,CC0-1.0")
            lines.append(f"{who}-made.png,attack,diffusion,{who},{split},made,CC0-1.0")
    path = tmp_path / "manifest.csv"
    path.write_text("\n".join(lines) + "\n")
    return path


def without(manifest, words):
    lines = [line for line in manifest.read_text().splitlines() if words not in line]
    manifest.write_text("\n".join(lines) + "\n")
    return manifest


@pytest.mark.slow
def test_from_pictures_to_a_bundle_that_judges(bonaface, manifest, tmp_path):
    run, bundle = tmp_path / "run", tmp_path / "bundle"
    trained = bonaface("train", "nano", "--data", manifest, "--out", run, *settings())
    assert trained.code == 0
    assert trained.out.splitlines()[-1].startswith("finished: best epoch 1, dev AUC ")
    assert trained.out.splitlines()[-1].endswith(f"; next: bonaface export {run} BUNDLE")
    assert json.loads((run / "run.json").read_text())["command"].startswith("bonaface train nano --data ")
    again = bonaface("train", "nano", "--data", manifest, "--out", run, *settings())
    assert str(run) in again.sentence

    exported = bonaface(
        "export", run, bundle, "--data", manifest, "--note", "made of colours", "--bundle-version", "7"
    )
    assert exported.code == 0
    assert exported.out.splitlines()[-1].startswith(f"wrote {bundle}: nano 7, ")
    card = json.loads((bundle / "bundle.json").read_text())
    assert (card["threshold"]["split"], card["report"]) == ("dev", "report.json")
    assert card["notes"] == ["made of colours"]
    assert (tmp_path / "bundle-evaluation").is_dir()

    checked = bonaface("check", tmp_path / "test0.png", "--json", "--bundle", bundle)
    verdict = json.loads(checked.out)
    assert (verdict["bundle"], verdict["threshold"]) == ("nano 7", card["threshold"]["value"])
    assert 0 <= verdict["attack_score"] <= 1


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["--set", "epoch=3"], "; did you mean 'epochs'?"),
        (["--set", "optimisation.lr=1"], "the recipe has ", ),
        (["--set", "epochs"], "a setting must be written key=value; got 'epochs'"),
        (["--set", "epochs=many"], "epochs: Input should be a valid integer"),
        (["--set", "epochs=0"], "epochs must be at least 1; got 0"),
        (["--weights", "clip"], "--weights must be given with a recipe that wants a pretrained encoder; nano trains its own; leave it away"),
        (["--set", "contract.size=64"], "model.image_size and contract.size must be equal; got 160 and 64; set both"),
    ],
)  # fmt: skip
def test_mistakes_in_settings(bonaface, manifest, tmp_path, words, sentence):
    answer = bonaface("train", "nano", "--data", manifest, "--out", tmp_path / "run", *words)
    if sentence == "the recipe has ":
        assert answer.sentence.startswith("optimisation has ")
        assert "got 'lr'" in answer.sentence
    else:
        assert sentence in answer.sentence
    assert not (tmp_path / "run").exists()


def test_an_unknown_recipe(bonaface, manifest, tmp_path):
    answer = bonaface("train", "nanno", "--data", manifest, "--out", tmp_path / "run")
    assert answer.sentence.startswith("the recipe must be one of nano")
    assert answer.sentence.endswith("; got 'nanno'; did you mean 'nano'?")


@pytest.mark.parametrize("split", ["train", "dev"])
def test_a_split_without_bonafide(bonaface, manifest, tmp_path, split):
    for i in range(2):
        without(manifest, f"{split}{i}.png")
    answer = bonaface("train", "nano", "--data", manifest, "--out", tmp_path / "run", *settings())
    assert answer.sentence == (
        f"the {split} split must have bonafide rows; it has none among 2; add bona fide pictures"
    )


def test_a_train_set_without_attacks_where_nothing_is_simulated(bonaface, manifest, tmp_path):
    for side in ("train", "dev"):
        for i in range(2):
            without(manifest, f"{side}{i}-made.png")
    shares = {"mixture.shares": {"diffusion": 0.5}}
    answer = bonaface("train", "nano", "--data", manifest, "--out", tmp_path / "run", *settings(**shares))
    assert "split" in answer.sentence or "diffusion" in answer.sentence


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("path,label,species\na,bonafide,bonafide\n", "'subject' is missing"),
        ("path,label,species,subject\na,attack,prnt,b\n", "did you mean 'print'?"),
        ("path,label,species,subject,split\nno.png,bonafide,bonafide,b,train\n", "1 of 1 are missing"),
        ("path,label,species,subject,split\na,bonafide,bonafide,b,train\nb,bonafide,bonafide,b,dev\n",
         "every subject must be in one split"),
    ],
)  # fmt: skip
def test_bad_manifests(bonaface, tmp_path, text, said):
    (tmp_path / "m.csv").write_text(text)
    answer = bonaface("train", "nano", "--data", tmp_path / "m.csv", "--out", tmp_path / "run")
    assert said in answer.sentence


def test_nothing_to_resume(bonaface, manifest, tmp_path):
    answer = bonaface("train", "nano", "--data", manifest, "--out", tmp_path / "run", "--resume", *settings())
    assert str(tmp_path / "run") in answer.sentence


def test_without_torch(bonaface, manifest, tmp_path, without_torch):
    answer = bonaface("train", "nano", "--data", manifest, "--out", tmp_path / "run")
    assert answer.sentence == (
        "bonaface train needs packages outside the light install; "
        "install them with: pip install 'bonaface[train]'"
    )


@pytest.mark.slow
def test_from_guessed_cells_to_a_teacher_to_a_student(bonaface, manifest, tmp_path):
    """What is learned before attacks, a detector that starts from it, and one that learns from that."""
    masked, teacher, student = (tmp_path / name for name in ("masked", "teacher", "student"))
    data, stem = ("--data", manifest), settings(**{"model.stem": "spectrum"})
    first = bonaface("train", "nano_masked", *data, "--out", masked, *stem)
    assert first.out.splitlines()[-1].startswith("finished: best epoch 1, dev explained ")
    assert first.out.splitlines()[-1].endswith(f"; next: bonaface train RECIPE --start-from {masked}")
    refused = bonaface("export", masked, tmp_path / "bundle")
    assert refused.sentence.endswith(f"train a recipe with --start-from {masked}")

    assert bonaface("train", "nano", *data, "--out", teacher, "--start-from", masked, *stem).code == 0
    words = ("--teacher", teacher, *stem, "--set", "distillation.weight=0.9")
    assert bonaface("train", "nano", *data, "--out", student, *words).code == 0
    how = json.loads((student / "run.json").read_text())["recipe"]["distillation"]
    assert how == {"teachers": [str(teacher)], "weight": 0.9, "temperature": 2.0}


def test_a_teacher_that_is_no_run(bonaface, manifest, tmp_path):
    said = bonaface(
        "train", "nano", "--data", manifest, "--out", tmp_path / "run", "--teacher", tmp_path, *settings()
    )
    assert said.code == 2
    assert "must be a checkpoint" in said.sentence
