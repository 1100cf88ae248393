"""Instruments this Python process, then hands over to the `sitecustomize` that Python would have found without us."""

import sys
from importlib.machinery import PathFinder
from importlib.util import module_from_spec
from pathlib import Path


def _instrument() -> None:
    try:
        from otelpond.instrumentation import instrument  # noqa: PLC0415 - what fails must not reach the service
    except Exception as error:  # noqa: BLE001 - protobuf, for one, refuses by a TypeError
        sys.stderr.write(f"otelpond: this Python ({sys.executable}) is not instrumented: {error}\n")
        return
    instrument()


def _hand_over() -> None:
    here = Path(__file__).resolve().parent
    spec = PathFinder.find_spec("sitecustomize", [folder for folder in sys.path if Path(folder).resolve() != here])
    if spec is not None and spec.loader is not None:
        module = module_from_spec(spec)
        sys.modules["sitecustomize"] = module
        spec.loader.exec_module(module)


_instrument()
_hand_over()
