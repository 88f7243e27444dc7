"""Matrix products that say the same on any number of cores.

OpenCV hands large ones to its own OpenBLAS, which shares them among its threads, and the last bit depends on where it cuts: a
simulation would then be another one on another machine, or under another OMP_NUM_THREADS. So here it has one thread.
"""

from __future__ import annotations

from functools import cache

import cv2
import numpy as np
from threadpoolctl import ThreadpoolController

from bonaface.attacks.scene import Plane


def times(a: Plane, b: Plane, *, is_transposed: bool = False) -> Plane:
    """The matrix product a b, or a times b transposed, float32."""
    flags = cv2.GEMM_2_T if is_transposed else 0
    with _threads().limit(limits=1, user_api="blas"):
        return np.asarray(cv2.gemm(a, b, 1.0, None, 0.0, flags=flags), dtype=np.float32)


@cache
def _threads() -> ThreadpoolController:
    """Looked up once: finding the loaded libraries takes longer than a product."""
    return ThreadpoolController()
