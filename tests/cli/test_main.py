"""The command line as a process of its own."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import matplotlib
import pytest
import skimage

import bonaface as package
from tiny_bundle import tiny_bundle

ASTRONAUT = Path(skimage.__file__).parent / "data/astronaut.png"
ADMIRAL = Path(matplotlib.get_data_path()) / "sample_data/grace_hopper.jpg"
RUN = "from bonaface.cli.main import run; run()"
HEAVY = {"torch", "transformers", "onnxruntime", "cv2", "dlib", "PIL", "scipy", "matplotlib", "pooch"}


def process(*words, python=RUN, **options):
    done = subprocess.run(
        [sys.executable, "-c", python, *map(str, words)],
        capture_output=True, text=True, timeout=60, check=False, **options,
    )  # fmt: skip
    assert "Traceback" not in done.stdout + done.stderr
    return done


def test_verdicts_by_the_console_script(tiny):
    script = Path(sys.executable).with_name("bonaface")
    done = subprocess.run(
        [script, "check", ASTRONAUT, ADMIRAL, "--json", "--bundle", tiny],
        capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    found = [json.loads(line) for line in done.stdout.splitlines()]
    assert [(one["path"], one["outcome"]) for one in found] == [
        (str(ASTRONAUT), "attack"), (str(ADMIRAL), "attack")
    ]  # fmt: skip
    assert (done.returncode, done.stderr) == (1, "")


def test_the_other_exit_codes(tmp_path):
    bundle = tiny_bundle(tmp_path / "lenient", threshold=1.0)
    assert process("check", ADMIRAL, "--bundle", bundle).returncode == 0
    refused = process("check", "nowhere.jpg", "--bundle", bundle)
    assert (refused.returncode, refused.stderr) == (2, "")
    assert "nowhere.jpg does not exist" in refused.stdout
    wrong = process("check", ADMIRAL, "--bundle", tmp_path)
    assert (wrong.returncode, wrong.stdout) == (2, "")
    assert wrong.stderr.startswith("error ")


@pytest.mark.skipif(os.name != "posix", reason="pipes of POSIX")
def test_a_reader_that_has_seen_enough(tiny, tmp_path):
    """It is no error and no verdict: what was not judged is not bonafide."""
    reads, writes = os.pipe()
    os.close(reads)
    done = subprocess.run(
        [sys.executable, "-c", RUN, "check", "nowhere.jpg", "--json", "--bundle", tiny],
        stdout=writes, stderr=subprocess.PIPE, text=True, timeout=60, check=False,
    )  # fmt: skip
    os.close(writes)
    assert (done.returncode, done.stderr) == (2, "")


LONG = f"{'nowhere/' * 20}selfie.jpg"


def without_columns(**more):
    return {name: value for name, value in os.environ.items() if name != "COLUMNS"} | more


def test_in_a_pipe_no_line_is_broken(tiny):
    """Nor by FORCE_COLOR, which says nothing about a width; COLUMNS does."""
    words = ("check", LONG, "--bundle", tiny)
    header, row, caption = process(*words, env=without_columns()).stdout.splitlines()
    assert header.split() == ["picture", "outcome", "attack_score", "faces", "why"]
    assert row.startswith(f"{LONG}  no_decision ")
    assert row.rstrip().endswith(f"{LONG} does not exist; give the path of an image")
    assert caption.rstrip() == "bundle tiny 1, an attack from 0.500 on"
    assert LONG in process(*words, env=without_columns(FORCE_COLOR="1")).stdout
    assert LONG not in process(*words, env=without_columns(COLUMNS="80")).stdout


@pytest.mark.skipif(os.name != "posix", reason="terminals of POSIX")
def test_a_terminal_gets_lines_of_its_width(tiny):
    import fcntl
    import pty
    import struct
    import termios

    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 90, 0, 0))
    words = [sys.executable, "-c", RUN, "check", LONG, "--bundle", str(tiny)]
    env = without_columns(TERM="xterm", NO_COLOR="1")
    subprocess.run(words, stdin=theirs, stdout=theirs, stderr=theirs, timeout=60, check=False, env=env)
    os.close(theirs)
    shown = re.sub(r"\x1b\[[0-9;]*m", "", os.read(ours, 10_000).decode())
    os.close(ours)
    assert "no_decision" in shown
    assert max(map(len, shown.splitlines())) <= 90
    assert LONG not in shown


@pytest.mark.parametrize("words", [["--help"], ["check", "--help"], ["train", "--help"], ["--version"]])
def test_help_loads_nothing_heavy(words):
    watch = f"import atexit, sys; atexit.register(lambda: print(sorted(set(sys.modules) & {HEAVY})));"
    done = process(*words, python=watch + RUN)
    assert done.returncode == 0
    assert done.stdout.splitlines()[-1] == "[]"


@pytest.mark.skipif(os.name != "posix", reason="times of POSIX")
@pytest.mark.parametrize("words", [["--help"], ["check", "--help"]])
def test_help_takes_less_than_a_second(words):
    """Of processor time, in the best of three, so that a busy machine does not fail it."""

    def seconds():
        before = os.times()
        process(*words)
        after = os.times()
        return after.children_user + after.children_system - before.children_user - before.children_system

    assert any(seconds() < 1 for _ in range(3))


def test_the_version():
    assert process("--version").stdout == f"{package.__version__}\n"


def test_no_command():
    done = process()
    assert done.returncode == 2
    for command in ("check", "demo", "simulate", "train", "evaluate", "export", "models"):
        assert command in done.stdout + done.stderr


def test_an_unknown_command():
    done = process("chekc")
    assert done.returncode == 2
    assert "No such command 'chekc'" in done.stderr
