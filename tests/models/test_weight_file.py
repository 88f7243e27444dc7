import pickle
import shlex
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from bonaface.errors import CheckpointError
from bonaface.models.backbones import load_backbone
from bonaface.models.weight_file import CONVERSION, is_torchscript, read_weights

from .tiny_checkpoints import openai_state

STATE = {"a": torch.arange(3.0), "b": torch.ones(2, 2).half()}


class Trap:
    """Leaves a file behind when something unpickles it."""

    def __init__(self, mark: Path) -> None:
        self.mark = mark

    def __reduce__(self):
        return (Path.touch, (self.mark,))


@pytest.mark.parametrize("is_zip", [True, False])
def test_what_torch_saved_comes_back(tmp_path, is_zip):
    torch.save(STATE, tmp_path / "x.pt", _use_new_zipfile_serialization=is_zip)
    found = read_weights(tmp_path / "x.pt")
    assert all(torch.equal(found[name], one) for name, one in STATE.items())


def test_safetensors_come_back(tmp_path):
    save_file(STATE, tmp_path / "x.safetensors")
    assert torch.equal(read_weights(tmp_path / "x.safetensors")["b"], STATE["b"])


@pytest.mark.parametrize("how", ["zip", "old", "plain", "inside"])
def test_a_pickle_with_code_is_refused_and_not_run(tmp_path, how):
    path, mark = tmp_path / "x.pt", tmp_path / "it ran"
    trap = Trap(mark)
    match how:
        case "zip":
            torch.save(trap, path)
        case "old":
            torch.save(trap, path, _use_new_zipfile_serialization=False)
        case "plain":
            path.write_bytes(pickle.dumps(trap))
        case "inside":
            torch.save(openai_state() | {"visual.extra": trap}, path)
    with pytest.raises(
        CheckpointError, match=r"reading failed \(unreadable or unsafe\); save the state dict as"
    ):
        load_backbone(path)
    assert not mark.exists()
    # The trap is a real one.
    if how == "plain":
        pickle.loads(path.read_bytes())
        assert mark.exists()


def test_a_pickle_under_the_name_of_safetensors_is_not_run(tmp_path):
    path, mark = tmp_path / "x.safetensors", tmp_path / "it ran"
    torch.save(Trap(mark), path)
    with pytest.raises(CheckpointError, match="must be a safetensors file"):
        read_weights(path)
    assert not mark.exists()


def test_a_folder_never_reads_its_pickles(tmp_path):
    mark = tmp_path / "it ran"
    (tmp_path / "config.json").write_text('{"model_type": "clip_vision_model"}')
    torch.save(Trap(mark), tmp_path / "pytorch_model.bin")
    with pytest.raises(
        CheckpointError, match=r"has no model\.safetensors; pickled weights .* are never read"
    ):
        load_backbone(tmp_path)
    assert not mark.exists()


def test_the_message_does_not_teach_how_to_load_unsafely(tmp_path):
    torch.save(Trap(tmp_path / "mark"), tmp_path / "x.pt")
    with pytest.raises(CheckpointError) as caught:
        read_weights(tmp_path / "x.pt")
    assert "weights_only" not in str(caught.value)


@pytest.mark.parametrize("content", [b"", b"not weights", b"PK\x03\x04cut"])
@pytest.mark.parametrize("name", ["x.pt", "x.safetensors"])
def test_broken_files_are_refused(tmp_path, content, name):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(CheckpointError, match="reading failed"):
        read_weights(tmp_path / name)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ([torch.ones(1)], "must hold a state dict; it holds a list"),
        ({"epoch": 3, "a": torch.ones(1)}, "must hold tensors alone; epoch is a int"),
        ({"state_dict": {"a": torch.ones(1)}}, "must hold tensors alone; state_dict is a dict"),
    ],
)
def test_other_things_than_a_state_dict_are_refused(tmp_path, content, message):
    torch.save(content, tmp_path / "x.pt")
    with pytest.raises(CheckpointError, match=message):
        read_weights(tmp_path / "x.pt")


def test_a_torchscript_archive_is_refused_with_its_conversion(tmp_path):
    path = tmp_path / "ViT.pt"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("ViT/constants.pkl", b"")
        archive.writestr("ViT/data.pkl", pickle.dumps(Trap(tmp_path / "it ran")))
    assert is_torchscript(path)
    with pytest.raises(CheckpointError) as caught:
        read_weights(path)
    assert "it is a TorchScript archive, which holds code" in str(caught.value)
    assert f'python -c "{CONVERSION}" ViT.pt ViT.safetensors' in str(caught.value)
    assert not (tmp_path / "it ran").exists()


@pytest.mark.slow
def test_the_conversion_in_the_message_works(tmp_path):
    with pytest.warns(DeprecationWarning):
        torch.jit.script(torch.nn.Linear(3, 2)).save(str(tmp_path / "x.pt"))
    with pytest.raises(CheckpointError) as caught:
        read_weights(tmp_path / "x.pt")
    command = shlex.split(str(caught.value).partition("convert it: python ")[2])
    subprocess.run([sys.executable, "-W", "ignore", *command], cwd=tmp_path, check=True)
    assert {name: tuple(one.shape) for name, one in load_file(tmp_path / "x.safetensors").items()} == {
        "weight": (2, 3),
        "bias": (2,),
    }
