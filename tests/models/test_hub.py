import pytest
from huggingface_hub import constants, errors

from bonaface.errors import DownloadError
from bonaface.models import hub
from bonaface.models.hub import fetched_folder, is_hub_name


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("openai/clip-vit-base-patch16", True),
        ("openai/clip-vit-base-patch32@refs/pr/66", True),
        ("facebook/dinov2-base@main", True),
        ("clip", False),
        ("/models/clip", False),
        ("../clip", True),  # by its form; a folder of that name comes first, and the hub refuses the rest
        ("a/b/c", False),
        ("a/b@", False),
        ("https://example.org/clip", False),
    ],
)
def test_the_form_of_a_name(text, expected):
    assert is_hub_name(text) is expected


def test_only_safetensors_settings_and_tokenizers_are_asked_for(monkeypatch, tmp_path):
    asked = {}

    def snapshot(name, **settings):
        asked.update(settings, name=name)
        return str(tmp_path)

    monkeypatch.setattr(hub, "snapshot_download", snapshot)
    assert fetched_folder("owner/model@refs/pr/3") == tmp_path
    assert (asked["name"], asked["revision"]) == ("owner/model", "refs/pr/3")
    wanted = asked["allow_patterns"]
    from huggingface_hub.utils import filter_repo_objects

    files = [
        "config.json", "model.safetensors", "model-00001-of-00002.safetensors", "model.safetensors.index.json",
        "preprocessor_config.json", "vocab.json", "merges.txt", "tokenizer.json", "spiece.model",
        "pytorch_model.bin", "model.pt", "tf_model.h5", "flax_model.msgpack", "modeling_x.py", "README.md", "x.pkl",
    ]  # fmt: skip
    assert list(filter_repo_objects(files, allow_patterns=wanted)) == files[:9]


def test_a_name_of_another_form_is_refused():
    with pytest.raises(DownloadError, match="must be named owner/name or owner/name@revision; got clip"):
        fetched_folder("clip")


def response():
    from unittest.mock import Mock

    return Mock(headers={}, status_code=404)


@pytest.mark.parametrize(
    ("error", "message"),
    [
        (
            lambda: errors.GatedRepoError("x", response=response()),
            "it is gated: accept its terms on the hub and log in",
        ),
        (
            lambda: errors.RepositoryNotFoundError("x", response=response()),
            "must exist on the hub; it was not found",
        ),
        (
            lambda: errors.RevisionNotFoundError("x", response=response()),
            "must exist on the hub; it was not found",
        ),
        (lambda: errors.HFValidationError("x"), "must exist on the hub; it was not found; check the name"),
        (
            lambda: errors.LocalEntryNotFoundError("x"),
            r"fetching failed \(LocalEntryNotFoundError\); go online, or",
        ),
        (
            lambda: TimeoutError("x"),
            r"fetching failed \(TimeoutError\); go online, or fetch its folder elsewhere",
        ),
    ],
)
def test_every_failure_says_what_to_do(monkeypatch, error, message):
    def snapshot(*args, **settings):
        raise error()

    monkeypatch.setattr(hub, "snapshot_download", snapshot)
    with pytest.raises(DownloadError, match=message):
        fetched_folder("owner/model")


def test_without_a_network_it_is_one_sentence(monkeypatch, tmp_path):
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path))
    with pytest.raises(
        DownloadError, match="owner/model must be on this machine or within reach; fetching failed"
    ):
        fetched_folder("owner/model")
