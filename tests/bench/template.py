"""A request as bytes whose ids, times and numbers are written anew before each sending; `payloads` builds one, `load` sends it.

Building a protobuf message costs about 25 us a span, a hundred times what a collector may spend on it. So a message is built once,
with an unmistakable 8-byte word wherever a value shall change (half a trace id, a span id, a fixed64 time, eight digits in a
text). The words' offsets are found in the serialised bytes, and numpy writes all of them before each sending.
"""

from __future__ import annotations

import random
import string
from dataclasses import dataclass, field
from enum import IntEnum
from itertools import groupby

import numpy as np
from numpy.typing import NDArray

Words = NDArray[np.uint64]
_DIGITS4 = np.array([f"{number:04d}" for number in range(10_000)], dtype="S4").view("<u4").astype(np.uint64)
WINDOW_NS = 1_000_000_000
STACKS = 2_000
STACK_SHAPES = 10


class Kind(IntEnum):
    """What is written into a word; the order is that of the words in `Request.refresh`."""

    RANDOM = 0  # an id, or half of one
    START = 1  # unix nanoseconds of a span's start
    END = 2
    NOW = 3  # when the request was made
    DIGITS = 4  # eight random digits
    STACK = 5  # eight digits that name one of the stacks, by Zipf's law


@dataclass(slots=True)
class Mould:
    """Gives out the words of one request while its message is being built.

    Attributes:
        words: kind of value and its argument, by word. START and END: (trace, share of the trace at which it lies); STACK: the shape.
    """

    seed: int
    words: dict[bytes, tuple[Kind, tuple[int, float]]] = field(default_factory=dict)
    _random: random.Random = field(init=False)

    def __post_init__(self) -> None:
        self._random = random.Random(self.seed)

    def word(self, kind: Kind, argument: tuple[int, float] = (0, 0.0)) -> bytes:
        """A new word: 8 letters, so that it may stand in a text as well as in an id."""
        while (word := "".join(self._random.choices(string.ascii_letters, k=8)).encode()) in self.words:
            pass
        self.words[word] = (kind, argument)
        return word

    def number(self, kind: Kind, argument: tuple[int, float] = (0, 0.0)) -> int:
        """A new word as the integer of a fixed64 field."""
        return int.from_bytes(self.word(kind, argument), "little")

    def text(self, kind: Kind = Kind.DIGITS, argument: tuple[int, float] = (0, 0.0)) -> str:
        """A new word as text."""
        return self.word(kind, argument).decode()


def zipf_stacks(rng: np.random.Generator, shape: int, count: int) -> NDArray[np.int64]:
    """`count` of the 2,000 stacks that have this shape (number modulo 10), the n-th with weight 1/(n+1)."""
    numbers = np.arange(shape, STACKS, STACK_SHAPES)
    weights = 1.0 / (numbers + 1)
    return rng.choice(numbers, size=count, p=weights / weights.sum())


def shape_weights() -> NDArray[np.float64]:
    """How often a stack has each shape, so that all stacks together follow Zipf's law."""
    weights = 1.0 / np.arange(1, STACKS + 1)
    sums = weights.reshape(-1, STACK_SHAPES).sum(axis=0)
    return sums / sums.sum()


def digits(numbers: NDArray[np.int64]) -> Words:
    """Numbers below 10**8 as eight ASCII digits each."""
    return _DIGITS4[numbers // 10_000] | (_DIGITS4[numbers % 10_000] << np.uint64(32))


class Request:
    """One request: its bytes, and where what changes."""

    def __init__(self, wire: bytes, mould: Mould, traces: int, rng: np.random.Generator) -> None:
        self._size = len(wire)
        self._wire = np.zeros(self._size + 8, np.uint8)
        self._wire[: self._size] = np.frombuffer(wire, np.uint8)
        self._rng = rng
        self._traces = max(traces, 1)
        order = sorted(mould.words.items(), key=lambda item: item[1][0])
        self._blocks = {kind: [argument for _, (_, argument) in group] for kind, group in groupby(order, key=lambda item: item[1][0])}
        self._trace_of = {kind: np.array([trace for trace, _ in rows], np.int64) for kind, rows in self._blocks.items()}
        self._share_of = {kind: np.array([share for _, share in rows]) for kind, rows in self._blocks.items()}
        self._stacks = self._stack_pool(256)
        self._writes = self._find(np.array([int.from_bytes(word, "little") for word, _ in order], np.uint64))

    def _stack_pool(self, rounds: int) -> NDArray[np.int64]:
        """Stack numbers for each STACK word, for that many requests: drawing by weight is too dear for every request."""
        shapes = self._trace_of.get(Kind.STACK, np.empty(0, np.int64))
        return np.array([zipf_stacks(self._rng, int(shape), rounds) for shape in shapes], np.int64).reshape(len(shapes), rounds).T

    def _find(self, words: Words) -> list[tuple[Words, NDArray[np.intp], NDArray[np.intp]]]:
        """Where the words stand: per alignment a view of the bytes as uint64, the places in it, and the values' numbers."""
        rank = np.argsort(words)
        found = []
        for shift in range(8):
            view = self._wire[shift : shift + (self._size - shift) // 8 * 8].view("<u8")
            nearest = np.minimum(np.searchsorted(words, view, sorter=rank), len(words) - 1)
            places = np.flatnonzero(words[rank[nearest]] == view)
            found.append((view, places, rank[nearest[places]]))
        if len(missing := set(range(len(words))) - {int(value) for _, _, values in found for value in values}):
            raise ValueError(f"{len(missing)} words were not found in the bytes")
        return found

    def refresh(self, now_ns: int) -> memoryview:
        """The request's bytes with fresh ids and numbers, its spans in the second before `now_ns` (unix nanoseconds).

        The next call writes over them.
        """
        rng = self._rng
        start = now_ns - np.sort(rng.integers(0, WINDOW_NS, self._traces))[::-1]
        duration = rng.lognormal(17.3, 1.0, self._traces)  # median 33 ms, 0.3 % above 500 ms
        values = []
        for kind, rows in self._blocks.items():
            if kind is Kind.RANDOM:
                values.append(rng.integers(1, 2**64 - 1, len(rows), np.uint64))
            elif kind in {Kind.START, Kind.END}:
                trace = self._trace_of[kind]
                values.append((start[trace] + (duration[trace] * self._share_of[kind]).astype(np.int64)).astype(np.uint64))
            elif kind is Kind.NOW:
                values.append(np.full(len(rows), now_ns, np.uint64))
            elif kind is Kind.DIGITS:
                values.append(digits(rng.integers(0, 10**8, len(rows))))
            else:
                values.append(digits(self._stacks[rng.integers(len(self._stacks))]))
        fresh = np.concatenate(values)
        for view, places, numbers in self._writes:
            view[places] = fresh[numbers]
        return self._wire[: self._size].data
