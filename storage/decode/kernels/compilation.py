"""How every kernel is compiled: Numba's options and the folder that keeps the machine code; imported by all kernel modules.

The folder is named by the digest of this package's source, the versions of Python and Numba, and the processor: Numba's own check
looks at the file of a kernel only and misses an edited import. Kernels compile at their first call, not at import, so that `serve`
can import them and accept data while a thread compiles; the package's `decode` hands them arguments of one type only.
"""

from __future__ import annotations

import hashlib
import os
import sys
from pathlib import Path
from typing import Any, Final, TypeAlias, TypeVar

import llvmlite.binding
import numba
import numba.core.config
import numba.extending
import numpy as np
from numpy.typing import NDArray

Bytes: TypeAlias = NDArray[np.uint8]
Int: TypeAlias = Any
"""Within a kernel every number is a NumPy scalar: int64 where nothing else is said (int64 with uint64 would make a float64)."""
_Function = TypeVar("_Function")

_config: Any = numba.core.config  # its settings are set at import, unseen by type checkers
CACHE_DIR_VARIABLE: Final = "OTELPOND_CACHE_DIR"


def cache_folder() -> Path:
    """Where the machine code of exactly these kernels lies: in $OTELPOND_CACHE_DIR, else in the user's cache folder."""
    users = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    return Path(os.environ.get(CACHE_DIR_VARIABLE) or users / "otelpond") / f"kernels-{_digest()}"


def is_compiled() -> bool:
    """Whether the cache folder holds every kernel."""
    return (cache_folder() / "complete").exists()


def note_compiled() -> None:
    """Note that the cache folder holds every kernel."""
    (cache_folder() / "complete").touch()


def _digest() -> str:
    digest = hashlib.sha256()
    here = Path(__file__).parent
    for source in (*sorted(here.glob("*.py")), here.parent / "columns.py", here.parent / "semconv.py"):
        digest.update(source.name.encode() + b"\0" + source.read_bytes())
    processor = f"{llvmlite.binding.get_host_cpu_name()} {llvmlite.binding.get_host_cpu_features().flatten()}"
    digest.update(f"{sys.version} {numba.__version__} {processor} {_config.BOUNDSCHECK}".encode())
    return digest.hexdigest()[:16]


_config.CACHE_DIR = str(cache_folder())
_OPTIONS: Final[dict[str, Any]] = {"nogil": True, "error_model": "numpy", "_nrt": False, "boundscheck": True}
"""Kernels allocate nothing: without Numba's reference counts (`_nrt`) a span takes 2 us instead of 13. Bounds checks
cost 0.2 us of 1.3 us a span (NUMBA_BOUNDSCHECK=0 leaves them out): a mistake of ours is then an error, not somebody's wrong row."""
_UNCALLED: Final = {"no_cpython_wrapper": True, "no_cfunc_wrapper": True}
"""Nobody but a kernel calls a part: without an entrance for Python all of them compile in 60 CPU-seconds, with it in 75."""
_njit: Any = numba.njit  # its stubs do not know all options


def part(function: _Function) -> _Function:
    """A function that kernels call: compiled into them."""
    compiled: _Function = _njit(**_OPTIONS, **_UNCALLED)(function)
    return compiled


def inlined(function: _Function) -> _Function:
    """A part on the hot path that takes tuples of arrays.

    It is compiled into each caller, because a call would pass a hundred numbers: 1 us a span instead of 2.
    """
    compiled: _Function = _njit(forceinline=True, **_OPTIONS, **_UNCALLED)(function)
    return compiled


def kernel(function: _Function) -> _Function:
    """A function that Python calls: its machine code, parts included, is kept in the cache folder."""
    compiled: _Function = _njit(cache=True, no_cfunc_wrapper=True, **_OPTIONS)(function)
    return compiled


def intrinsic(function: Any) -> Any:
    """A function that writes the machine's instructions itself, for the few things that NumPy has no words for."""
    return numba.extending.intrinsic(function)
