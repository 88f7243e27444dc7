"""What tests of several rooms share."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import settings

from tiny_bundle import tiny_bundle

# The same examples on every machine: a draw must not decide whether a change lands.
settings.register_profile("steady", derandomize=True, deadline=None)
settings.load_profile("steady")


@pytest.fixture(scope="session")
def tiny(tmp_path_factory) -> Path:
    """A tiny bundle for everybody: read it, change nothing."""
    return tiny_bundle(tmp_path_factory.mktemp("bundles") / "tiny")
