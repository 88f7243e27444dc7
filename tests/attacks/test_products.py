"""Products that do not depend on how many threads there are."""

import numpy as np
import pytest
from threadpoolctl import threadpool_info, threadpool_limits

from bonaface.attacks.products import times
from bonaface.attacks.simulations import SIMULATIONS
from bonaface.data.samples import attacked

RNG = np.random.default_rng(3)


@pytest.mark.parametrize("is_transposed", [False, True])
def test_a_product_is_numpys(is_transposed):
    a, b = (RNG.standard_normal(shape).astype(np.float32) for shape in ((37, 12), (12, 21)))
    given = np.ascontiguousarray(b.T) if is_transposed else b
    np.testing.assert_allclose(times(a, given, is_transposed=is_transposed), a @ b, atol=1e-5)


def on_threads(number, call):
    with threadpool_limits(number, user_api="blas"):
        return call()


@pytest.mark.parametrize(
    ("rows", "inner", "columns"), [(400, 64, 64), (321, 9, 317), (161, 7, 90), (1025, 64, 61)]
)
def test_bytes_are_the_same_on_any_number_of_threads(rows, inner, columns):
    """Sizes of a picture's blocks and of slow fields; what OpenCV's own product says differs for some in the last bit."""
    a = RNG.standard_normal((rows, inner)).astype(np.float32)
    b = RNG.standard_normal((inner, columns)).astype(np.float32)
    assert len({on_threads(number, lambda: times(a, b).tobytes()) for number in (1, 2, 3)}) == 1


@pytest.mark.parametrize("name", ["print", "replay", "cutout", "generated"])
def test_an_attack_is_the_same_on_any_number_of_threads(name, face_scene):
    def made():
        rng = np.random.default_rng(4)
        partner = face_scene if SIMULATIONS[name].needs_partner else None
        return attacked(face_scene, name, rng, partner=partner)[0].pixels.tobytes()

    assert on_threads(1, made) == on_threads(2, made)


def test_the_callers_threads_are_given_back():
    def counts():
        return [one["num_threads"] for one in threadpool_info() if one["user_api"] == "blas"]

    before = counts()
    times(np.eye(4, dtype=np.float32), np.eye(4, dtype=np.float32))
    assert counts() == before
