from __future__ import annotations

import functools
import hashlib
import http.server
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from bonaface.errors import DownloadError
from bonaface.faces import fetch as room
from bonaface.faces.fetch import FILES, RemoteFile, cache_folder, fetch, fetched

SHARED = Path(__file__).parents[3] / "shared/models"
DATA = b"a small network"


class Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *args) -> None:
        pass


@pytest.fixture
def served(tmp_path, monkeypatch) -> Iterator[Path]:
    """A folder that a server on this machine gives out; `small` is a file of it."""
    folder = tmp_path / "served"
    folder.mkdir()
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Quiet, directory=folder))
    thread = threading.Thread(target=server.serve_forever, args=(0.02,))
    thread.start()
    small = RemoteFile(
        url=f"http://127.0.0.1:{server.server_port}/small.onnx",
        sha256=hashlib.sha256(DATA).hexdigest(),
        bytes=len(DATA),
        licence="CC0-1.0",
        what="nothing",
    )
    monkeypatch.setitem(FILES, "small", small)
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    yield folder
    server.shutdown()
    server.server_close()
    thread.join()


def test_a_file_is_fetched_once(served, tmp_path):
    (served / "small.onnx").write_bytes(DATA)
    path = fetch("small", folder=tmp_path / "kept")
    assert path == tmp_path / "kept/small.onnx"
    assert path.read_bytes() == DATA
    (served / "small.onnx").unlink()
    assert fetch("small", folder=tmp_path / "kept") == path


def test_another_file_than_expected_is_refused_and_not_kept(served, tmp_path):
    (served / "small.onnx").write_bytes(b"something else")
    with pytest.raises(DownloadError) as e:
        fetch("small", folder=tmp_path / "kept")
    assert str(e.value).startswith(f"small must come from {FILES['small'].url} with the sha256 ")
    assert str(e.value).endswith("; try again, or give its path")
    assert "\n" not in str(e.value)
    assert not (tmp_path / "kept/small.onnx").exists()


def test_an_altered_file_is_fetched_again(served, tmp_path):
    (served / "small.onnx").write_bytes(DATA)
    (tmp_path / "kept").mkdir()
    (tmp_path / "kept/small.onnx").write_bytes(b"altered")
    assert fetch("small", folder=tmp_path / "kept").read_bytes() == DATA


def test_a_file_that_is_not_there(served, tmp_path):
    with pytest.raises(DownloadError, match=r"it did not \(404 "):
        fetch("small", folder=tmp_path / "kept")


def test_the_cache(served, tmp_path, monkeypatch):
    monkeypatch.setattr(room, "cache_folder", lambda: tmp_path / "cache")
    assert fetched("small") is None
    (served / "small.onnx").write_bytes(DATA)
    assert fetch("small") == fetched("small") == tmp_path / "cache/small.onnx"


def test_the_cache_folder_is_named_after_the_package():
    assert cache_folder().name == "bonaface"


@pytest.mark.parametrize("use", [fetch, fetched])
def test_an_unknown_name(use):
    with pytest.raises(DownloadError) as e:
        use("yunett")
    assert str(e.value) == "the model must be one of yunet; got 'yunett'; did you mean 'yunet'?"


@pytest.mark.shared
def test_the_file_beside_the_checkout_is_the_expected_one():
    file = FILES["yunet"]
    path = SHARED / file.name
    if not path.is_file():
        pytest.skip(f"{path} is not there")
    assert path.stat().st_size == file.bytes
    assert hashlib.sha256(path.read_bytes()).hexdigest() == file.sha256
