from __future__ import annotations

import functools
import hashlib
import http.server
import json
import threading

import pytest

from bonaface.bundle import read_card
from bonaface.faces import fetch as room
from bonaface.faces.fetch import FILES, RemoteFile

DATA = b"a small network"


class Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *args) -> None:
        pass


@pytest.fixture
def served(tmp_path, monkeypatch):
    """A folder that a server on this machine gives out, and the server; `small` is a file of it."""
    folder = tmp_path / "served"
    folder.mkdir()
    (folder / "small.onnx").write_bytes(DATA)
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Quiet, directory=folder))
    thread = threading.Thread(target=server.serve_forever, args=(0.02,))
    thread.start()
    sha256 = hashlib.sha256(DATA).hexdigest()
    url = f"http://127.0.0.1:{server.server_port}/small.onnx"
    monkeypatch.setitem(FILES, "small", RemoteFile(url, sha256, len(DATA), "CC0-1.0", "a nothing"))
    monkeypatch.setattr(room, "cache_folder", lambda: tmp_path / "cache")
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    yield folder
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.fixture
def embedded(tiny, monkeypatch):
    monkeypatch.setattr("bonaface.bundle.embedded_bundles", lambda: {"small": tiny, "wide": tiny})
    return tiny


def test_fetch_and_list(bonaface, served, embedded, tmp_path):
    before = bonaface("models", "list")
    assert "bonaface models fetch small" in before.out
    fetched = bonaface("models", "fetch", "small")
    assert (fetched.code, fetched.out) == (0, f"{tmp_path / 'cache/small.onnx'}\n")
    assert (tmp_path / "cache/small.onnx").read_bytes() == DATA
    after = bonaface("models", "list")
    words = " ".join(after.out.split())
    assert "bonaface models fetch small" not in words
    assert "tiny 1 detector, the default bundle 0.0 MB CC0-1.0" in words
    assert "tiny 1 detector, bundle 'wide' 0.0 MB CC0-1.0" in words
    assert "small a nothing 0.0 MB CC0-1.0" in words


def test_fetch_of_another_file(bonaface, served, tmp_path):
    (served / "small.onnx").write_bytes(b"something else")
    sentence = bonaface("models", "fetch", "small").sentence
    assert sentence.startswith(f"small must come from {FILES['small'].url} with the sha256 ")
    assert not (tmp_path / "cache/small.onnx").exists()


def test_fetch_from_a_server_that_is_gone(bonaface, tmp_path, monkeypatch):
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Quiet) as server:
        port = server.server_port
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    url = f"http://127.0.0.1:{port}/small.onnx"
    monkeypatch.setitem(FILES, "small", RemoteFile(url, "0" * 64, 1, "CC0-1.0", "a nothing"))
    monkeypatch.setattr(room, "cache_folder", lambda: tmp_path / "cache")
    assert bonaface("models", "fetch", "small").sentence.startswith(f"small must come from {url}")


def test_fetch_of_an_unknown_name(bonaface):
    answer = bonaface("models", "fetch", "yunett")
    assert answer.sentence == "the model must be one of yunet; got 'yunett'; did you mean 'yunet'?"


def test_show(bonaface, embedded):
    for words in (["models", "show"], ["models", "show", embedded]):
        shown = json.loads(bonaface(*words).out)
        assert shown == json.loads((embedded / "bundle.json").read_text())
        assert shown["name"] == read_card(embedded).name


def test_show_of_no_bundle(bonaface, tmp_path):
    assert bonaface("models", "show", tmp_path).sentence.startswith(f"{tmp_path} must be a bundle; ")
