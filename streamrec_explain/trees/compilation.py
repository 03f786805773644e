"""How kernels are compiled, and the few array types they are compiled for."""

from collections.abc import Callable
from typing import Any

import numpy as np
from numba import njit
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int32]
Offsets = NDArray[np.int64]
Bytes = NDArray[np.uint8]
Cells = NDArray[np.uint16]
Flags = NDArray[np.bool_]


def kernel(function: Callable[..., Any]) -> Any:
    """Compile a function with numba, without the GIL, for IEEE arithmetic in the written order.

    The result is cached on disk, so a machine compiles once. numba refuses to cache where neither the package
    nor the user's cache folder is writable (a read-only install without a home); the kernel is then compiled
    in each process. Either way it happens when an explainer is made, never in a later call: see
    `TreeShapExplainer`.
    """
    try:
        return njit(function, cache=True, nogil=True)
    except RuntimeError:
        return njit(function, nogil=True)
