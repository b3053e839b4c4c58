"""A stream of random words, and what it makes of them: the very numbers that PyTorch draws on the
CPU from the same seed.

Source: the generator is mt19937 (Matsumoto and Nishimura, 1998); how its 32-bit words become
uniform and normal numbers follows PyTorch's ATen (DistributionsHelper.h, DistributionTemplates.h).
"""

from __future__ import annotations

import math
import os
from operator import index
from typing import Any

import numpy as np

from gobhir.engine.device import CPU, check_place
from gobhir.lang import say


class Generator:
    """A stream of random words, and the normal number kept for the next call.

    Without a seed it starts from the operating system's randomness.
    """

    def __init__(self, device: Any = "cpu"):
        check_place(device)
        self.device = CPU
        self._stream: Any = None
        self.seed()

    def manual_seed(self, seed: int) -> Generator:
        """Start again from `seed`: 64 bits, of which mt19937 uses the lower 32."""
        seed = index(seed)
        if not -(2**63) <= seed < 2**64:
            raise RuntimeError(say("errors.random.seed", seed=seed))
        self._seed = int(seed) % 2**64
        if self._stream is not None:
            self._stream.seed(self._seed % 2**32)
        self._spare: float | None = None
        return self

    def seed(self) -> int:
        """Start from a seed that nobody chose; returns it."""
        return self.manual_seed(int.from_bytes(os.urandom(8), "little")).initial_seed()

    def initial_seed(self) -> int:
        """The seed this stream started from."""
        return self._seed

    @property
    def _words(self) -> Any:
        """mt19937, made when the first word is wanted: NumPy's random part takes time to load."""
        if self._stream is None:
            self._stream = np.random.RandomState(self._seed % 2**32)
        return self._stream

    def words(self, n: int) -> np.ndarray:
        """The next n words of 32 bits."""
        # bytes(0) would draw a word.
        return np.frombuffer(self._words.bytes(4 * n) if n else b"", "<u4")

    def long_words(self, n: int) -> np.ndarray:
        """The next n words of 64 bits: two words each, the higher half first."""
        pairs = self.words(2 * n).astype(np.uint64)
        return (pairs[0::2] << np.uint64(32)) | pairs[1::2]

    def uniform(self, n: int, dtype: np.dtype, low: float = 0.0, high: float = 1.0) -> np.ndarray:
        """n numbers in [low, high), as fine as dtype's mantissa."""
        bits = np.finfo(dtype).nmant + 1
        words = self.long_words(n) if bits > 32 else self.words(n)
        unit = (words & words.dtype.type(2**bits - 1)).astype(dtype) * dtype.type(2.0**-bits)
        if low == 0.0 and high == 1.0:
            return unit
        shift = dtype.type(low)
        return _rounded_once(unit, dtype.type(high) - shift, shift)

    def normal(self, n: int, dtype: np.dtype) -> np.ndarray:
        """n numbers of mean 0 and variance 1, by the method of Box and Muller (1958)."""
        if n < 16:
            return np.array([self._one_normal() for _ in range(n)], dtype)
        out = self.uniform(n, dtype)
        full = n // 16 * 16
        out[:full] = _box_muller(out[:full])
        if n % 16:
            out[-16:] = _box_muller(self.uniform(16, dtype))
        return out

    def bell(self, n: int, dtype: np.dtype, mean: float, std: float) -> np.ndarray:
        """n normal numbers of this mean and standard deviation. PyTorch works in float64 on up to
        15 numbers, on more in their dtype."""
        kind = np.dtype(np.float64) if n < 16 else dtype
        values = self.normal(n, kind)
        return _rounded_once(values, kind.type(std), kind.type(mean)).astype(dtype)

    def fine(self, n: int) -> np.ndarray:
        """n numbers in [0, 1) in float64."""
        return self.uniform(n, np.dtype(np.float64))

    def exponential(self, n: int, rate: float) -> np.ndarray:
        """n waiting times, of mean 1 / rate, in float64."""
        return -1.0 / rate * np.log1p(-self.fine(n))

    def _one_normal(self) -> float:
        if self._spare is not None:
            out, self._spare = self._spare, None
            return out
        u1, u2 = self.uniform(2, np.dtype(np.float64))
        radius, angle = math.sqrt(-2 * math.log1p(-u2)), 2 * math.pi * u1
        self._spare = radius * math.sin(angle)
        return radius * math.cos(angle)

    def integers(self, low: int, high: int, n: int) -> np.ndarray:
        """n whole numbers from low to high - 1."""
        span = high - low
        words = self.long_words(n) if span >= 2**28 else self.words(n)
        return (words.astype(np.uint64) % np.uint64(span)).astype(np.int64) + low

    def get_state(self) -> dict[str, Any]:
        """Where the stream stands; `set_state` goes back there."""
        return {"seed": self._seed, "words": self._words.get_state(), "spare": self._spare}

    def set_state(self, state: dict[str, Any]) -> Generator:
        """Go back to where `get_state` was."""
        self._seed, self._spare = state["seed"], state["spare"]
        self._words.set_state(state["words"])
        return self


def _rounded_once(x: np.ndarray, scale: Any, shift: Any) -> np.ndarray:
    """x * scale + shift with one rounding: the fused multiply-add of the processors on which
    PyTorch was built, without which the last bit would differ now and then."""
    if x.dtype != np.float64:
        return (x.astype(np.float64) * np.float64(scale) + np.float64(shift)).astype(x.dtype)
    product = x * scale
    sum = product + shift
    moved = sum - product
    return sum + ((product - (sum - moved)) + (shift - moved) + _lost(x, scale, product))


def _lost(x: np.ndarray, y: Any, product: np.ndarray) -> np.ndarray:
    """What rounding took from x * y. Source: Dekker, A floating-point technique for extending
    the available precision (1971)."""
    x_high, y_high = _upper_half(x), _upper_half(y)
    x_low, y_low = x - x_high, y - y_high
    rest = product - x_high * y_high - x_low * y_high - x_high * y_low
    return x_low * y_low - rest


def _upper_half(x: Any) -> Any:
    shifted = x * np.float64(2**27 + 1)
    return shifted - (shifted - x)


def _box_muller(u: np.ndarray) -> np.ndarray:
    """Uniform numbers, in groups of 16, into normal ones: the first 8 of a group give the
    radius, the other 8 the angle."""
    groups = u.reshape(-1, 2, 8)
    radius = np.sqrt(-2 * np.log(1 - groups[:, 0]))
    angle = u.dtype.type(2 * math.pi) * groups[:, 1]
    return np.stack([radius * np.cos(angle), radius * np.sin(angle)], axis=1).reshape(-1)


default_generator = Generator()
