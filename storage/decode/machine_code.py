"""Kernels as machine code: the folder that keeps it, and how Python calls it.

An object file a kernel, made by the compiler's process, is loaded by LLVM's linker (llvmlite) and called by ctypes, with the global lock
released. Numba passes an array as seven numbers and more (owner, size, address, shape, strides), a tuple as its members, and gives back
a status; the result and what went wrong come through pointers.
"""

from __future__ import annotations

import contextlib
import ctypes
import hashlib
import os
import pickle
import shutil
import sys
import threading
import time
from collections.abc import Callable, Sequence
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import Any, Final, TypeAlias

import llvmlite.binding as llvm
import numpy as np

from ..durable import write_file
from ..user_cache import user_cache

Arguments: TypeAlias = Sequence[Any]
Compile: TypeAlias = Callable[[Arguments, str], bytes]

_ALSO_COMPILED: Final = ("columns.py", "compilation.py", "machine_code.py", "semconv.py")
"""Beside the kernels: what their constants come from, and what compiles them."""
_SUCCEEDED: Final = (0, -2)
"""Numba's statuses of a return with a value, and with None."""
_UNUSED_S: Final = 30 * 86_400
_LOADING: Final = threading.Lock()


class Kernel:
    """A compiled function that takes arrays (C order), integers and named tuples of them, and returns an int64 or nothing.

    Args:
        module, name: where its source stands.
        compile_for: makes its object code; None in every process but the compiler's.
    """

    def __init__(self, module: str, name: str, *, compile_for: Compile | None) -> None:
        self._symbol = f"{module}.{name}"
        self._compile_for = compile_for
        self._loaded: dict[str, Any] = {}

    def __call__(self, *arguments: Any) -> int:
        """Run it.

        Raises:
            LookupError: it is not compiled for arguments like these.
            Exception: what it raised itself, such as an IndexError where it would have left an array.
        """
        words: list[int] = []
        kinds: list[str] = []
        _flatten(arguments, words, kinds)
        signature = " ".join(kinds)
        run = self._loaded.get(signature) or self._load(arguments, signature, len(words))
        result, failure = ctypes.c_int64(), ctypes.c_void_p()
        if run(ctypes.byref(result), ctypes.byref(failure), *words) not in _SUCCEEDED:
            raise _exception(failure)
        return result.value

    def _load(self, arguments: Arguments, signature: str, words: int) -> Any:
        with _LOADING:
            return self._loaded.get(signature) or self._load_alone(arguments, signature, words)

    def _load_alone(self, arguments: Arguments, signature: str, words: int) -> Any:
        symbol = f"{self._symbol}.{hashlib.sha256(signature.encode()).hexdigest()[:8]}"
        path = cache_folder() / f"{symbol}.o"
        if self._compile_for is not None and not path.exists():
            write_file(path, self._compile_for(arguments, symbol))
        try:
            code = path.read_bytes()
        except FileNotFoundError:
            raise LookupError(f"kernel {self._symbol} is not compiled for ({signature}) in {path.parent}") from None
        prototype = ctypes.CFUNCTYPE(ctypes.c_int32, ctypes.c_void_p, ctypes.c_void_p, *[ctypes.c_int64] * words)
        self._loaded[signature] = prototype(_linked(code, symbol))
        return self._loaded[signature]


class _Failure(ctypes.Structure):
    """How Numba describes an exception: a pickled tuple of class, arguments and place."""

    _fields_ = (("pickled", ctypes.c_void_p), ("size", ctypes.c_int32))


def _exception(failure: ctypes.c_void_p) -> Exception:
    if failure.value is None:
        return RuntimeError("a kernel failed and does not say why")
    described = _Failure.from_address(failure.value)
    kind, arguments, _place = pickle.loads(ctypes.string_at(described.pickled, described.size))  # noqa: S301
    raised: Exception = kind(*(arguments or ()))
    return raised


def _flatten(arguments: Arguments, words: list[int], kinds: list[str]) -> None:
    """The numbers that a call passes, and what they are."""
    for argument in arguments:
        if isinstance(argument, np.ndarray):
            if not (argument.flags.c_contiguous and argument.flags.aligned):
                raise ValueError("a kernel takes aligned arrays in C order")
            words += (0, 0, argument.size, argument.itemsize, argument.ctypes.data, *argument.shape, *argument.strides)
            kinds.append(f"{argument.dtype.str}/{argument.ndim}")
        elif isinstance(argument, tuple):
            _flatten(argument, words, kinds)
        else:
            words.append(int(argument))
            kinds.append("int")


@cache
def _linker() -> Any:
    return llvm.create_mcjit_compiler(llvm.parse_assembly(""), target_machine())


def _linked(code: bytes, symbol: str) -> int:
    """The address of a function in object code, which is loaded for as long as the process lives."""
    linker = _linker()
    linker.add_object_file(llvm.ObjectFileRef.from_data(code))
    linker.finalize_object()
    address: int = linker.get_function_address(symbol)
    if not address:
        raise LookupError(f"there is no {symbol} in its object file")
    return address


def target_machine() -> Any:
    """This machine's processor; LLVM's linker takes static addresses on x86 (https://reviews.llvm.org/D47211), as Numba has it."""
    llvm.initialize_native_target()
    llvm.initialize_native_asmprinter()
    target = llvm.Target.from_default_triple()
    processor, features = llvm.get_host_cpu_name(), llvm.get_host_cpu_features().flatten()
    reloc = "static" if target.name.startswith("x86") else "default"
    return target.create_target_machine(cpu=processor, features=features, opt=3, reloc=reloc, jit=True)


def cache_folder() -> Path:
    """Where the machine code of exactly these kernels lies: in $OTELPOND_CACHE_DIR, else in the user's cache folder."""
    return user_cache() / f"kernels-{_digest()}"


def is_compiled() -> bool:
    """Whether the cache folder holds every kernel."""
    return (cache_folder() / "complete").exists()


def note_compiled() -> None:
    """Note that the cache folder holds every kernel, and remove what other versions left and nobody has used for a month."""
    write_file(cache_folder() / "complete", b"")
    for note in cache_folder().parent.glob("kernels-*/complete"):
        if time.time() - note.stat().st_mtime > _UNUSED_S:
            shutil.rmtree(note.parent, ignore_errors=True)


def note_used() -> None:
    """Keep the cache folder for another month; an image's may be read-only, and stays anyway."""
    with contextlib.suppress(OSError):
        os.utime(cache_folder() / "complete")


@cache
def _digest() -> str:
    """Of the source, of what compiles it, and of the processor."""
    digest = hashlib.sha256()
    here = Path(__file__).parent
    for source in sorted(here.glob("kernels/*.py")) + [here / name for name in _ALSO_COMPILED]:
        digest.update(source.name.encode() + b"\0" + source.read_bytes())
    compiler = f"numba {version('numba')} llvmlite {version('llvmlite')} boundscheck {os.environ.get('NUMBA_BOUNDSCHECK', '')}"
    processor = f"{llvm.get_host_cpu_name()} {llvm.get_host_cpu_features().flatten()}"
    digest.update(f"{sys.version} {compiler} {processor}".encode())
    return digest.hexdigest()[:16]
