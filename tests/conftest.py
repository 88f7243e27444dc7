"""What tests of several rooms share."""

from __future__ import annotations

from pathlib import Path

import pytest

from tiny_bundle import tiny_bundle


@pytest.fixture(scope="session")
def tiny(tmp_path_factory) -> Path:
    """A tiny bundle for everybody: read it, change nothing."""
    return tiny_bundle(tmp_path_factory.mktemp("bundles") / "tiny")
