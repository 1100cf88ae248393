"""How the kernels are compiled: Numba's options, and the words by which kernel modules say what a function is.

Numba is imported in the compiler's process only (`compiler.py`), which calls `begin` before it imports a kernel. Everywhere else a
kernel is its machine code (`machine_code.py`), and its parts are the plain functions that one reads: Numba's own machinery would cost
a collector 95 MB for code that it never compiles again.
"""

from __future__ import annotations

from collections.abc import Sequence
from types import ModuleType
from typing import Any, Final, TypeAlias, TypeVar

import numpy as np
from numpy.typing import NDArray

from .machine_code import Arguments, Kernel, target_machine

Bytes: TypeAlias = NDArray[np.uint8]
Int: TypeAlias = Any
"""Within a kernel every number is a NumPy scalar: int64 where nothing else is said (int64 with uint64 would make a float64)."""
_Function = TypeVar("_Function")

_OPTIONS: Final[dict[str, Any]] = {
    "nogil": True,
    "error_model": "numpy",
    "_nrt": False,
    "boundscheck": True,
    "no_cpython_wrapper": True,
    "no_cfunc_wrapper": True,
}
"""Kernels allocate nothing: without Numba's reference counts (`_nrt`) a span takes 2 us instead of 13. Bounds checks
cost 0.2 us of 1.3 us a span (NUMBA_BOUNDSCHECK=0 leaves them out): a mistake of ours is then an error, not somebody's wrong row."""

_numba: ModuleType | None = None


def begin() -> None:
    """From here on this process compiles: to be called before the kernels are imported."""
    global _numba  # noqa: PLW0603 - a process compiles or it does not
    import numba  # noqa: PLC0415 - a second, and 95 MB
    import numba.extending  # noqa: PLC0415

    _numba = numba


def part(function: _Function) -> _Function:
    """A function that kernels call: compiled into them."""
    return _compiled(function)


def inlined(function: _Function) -> _Function:
    """A part on the hot path that takes tuples of arrays.

    It is compiled into each caller, because a call would pass a hundred numbers: 1 us a span instead of 2.
    """
    return _compiled(function, forceinline=True)


def kernel(function: Any) -> Any:
    """A function that Python calls: it runs as machine code, parts included, which the compiler's process makes and keeps."""
    return Kernel(function.__module__.rpartition(".")[2], function.__name__, compile_for=_compiler(function))


def intrinsic(function: Any) -> Any:
    """A function that writes the machine's instructions itself, for the few things that NumPy has no words for."""
    return function if _numba is None else _numba.extending.intrinsic(function)


def _compiled(function: _Function, **options: Any) -> _Function:
    compiled: _Function = function if _numba is None else _numba.njit(**_OPTIONS, **options)(function)
    return compiled


def _compiler(function: Any) -> Any:
    """What makes the object code of a kernel for arguments like some, under a name of our choice; None where nobody compiles."""
    if _numba is None:
        return None
    dispatcher = _numba.njit(**_OPTIONS)(function)

    def compile_for(arguments: Arguments, symbol: str) -> bytes:
        import llvmlite.binding as llvm  # noqa: PLC0415

        signature = tuple(_types(arguments))
        dispatcher.compile(signature)
        module = llvm.parse_assembly(dispatcher.inspect_llvm(signature))
        (entrance,) = (found for found in module.functions if not found.is_declaration and found.linkage is llvm.Linkage.external)
        entrance.name = symbol
        code: bytes = target_machine().emit_object(module)
        return code

    return compile_for


def _types(arguments: Sequence[Any]) -> list[Any]:
    """Numba's types of arguments; whether an array may be written is not part of them."""
    assert _numba is not None  # noqa: S101 - only a compiler asks
    types = _numba.core.types
    found: list[Any] = []
    for argument in arguments:
        if isinstance(argument, np.ndarray):
            found.append(types.Array(_numba.from_dtype(argument.dtype), argument.ndim, "C"))
        elif isinstance(argument, tuple):
            found.append(types.NamedTuple(_types(argument), type(argument)))
        else:
            found.append(types.int64)
    return found
