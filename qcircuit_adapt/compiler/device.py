"""Device: the speeds of a machine, as far as the choice of a strategy needs them."""

from __future__ import annotations

from bisect import bisect_left
from dataclasses import dataclass

from qcircuit_adapt.errors import NotationError, nearest

DTYPES = {"float32": 4, "bfloat16": 2, "float16": 2, "float64": 8}
"""The types that costs are known for, and the bytes of a number."""

ALIASES = {"fp32": "float32", "bf16": "bfloat16", "fp16": "float16", "fp64": "float64"}


@dataclass(frozen=True)
class Device:
    """Speeds of a device.

    Attributes:
        name: What it is called.
        wide: Multiply-accumulates a second in float32, of a large product.
        narrow: The same in types of 16 bits.
        bandwidth: Bytes a second from and to memory.
        cache_bandwidth: The same for what stays in the cache.
        cache: Bytes of the cache; a tensor larger than this is read from memory.
        launch: Seconds that each operation takes beside its work.
        chunk: How many tokens go through a circuit at a time, in float32 and in 16 bits; None for
            all at once.
        full_width: Columns from which a product is as fast as a wide one.
        depths: Depths of a product, increasing.
        share_wide: What share of `wide` a product of each depth reaches; the last for all above.
        share_narrow: The same of `narrow`.
        launches_kernels: Whether Triton's kernels run on it.
    """

    name: str
    wide: float
    narrow: float
    bandwidth: float
    cache_bandwidth: float
    cache: float
    launch: float
    chunk: tuple[int, int] | None
    full_width: int
    depths: tuple[int, ...]
    share_wide: tuple[float, ...]
    share_narrow: tuple[float, ...]
    launches_kernels: bool = False

    def macs(self, dtype: str) -> float:
        """Return the multiply-accumulates a second of a large product."""
        return self.narrow if DTYPES[dtype] == 2 else self.wide

    def efficiency(self, dtype: str, depth: int) -> float:
        """Return what share of that a product of a depth reaches."""
        shares = self.share_narrow if DTYPES[dtype] == 2 else self.share_wide
        return shares[min(bisect_left(self.depths, depth), len(shares) - 1)]


CPU = Device(
    name="cpu",
    # One core of an AMD Zen 4; the shares are measured, of small products on it.
    wide=50e9,
    narrow=110e9,
    bandwidth=4.5e9,
    cache_bandwidth=10e9,
    cache=16e6,
    launch=3e-6,
    chunk=(64, 128),
    full_width=16,
    depths=(16, 32, 64, 128, 256),
    share_wide=(0.6, 0.78, 0.88, 0.95, 1.0),
    share_narrow=(0.25, 0.45, 0.6, 0.65, 0.7, 1.0),
)

H200 = Device(
    name="h200",
    # From its data sheet; not measured.
    wide=30e12,
    narrow=395e12,
    bandwidth=4.3e12,
    cache_bandwidth=4.3e12,
    cache=0.0,
    launch=4e-6,
    chunk=None,
    full_width=16,
    depths=(16, 32, 64, 128),
    share_wide=(0.8, 0.9, 1.0, 1.0),
    share_narrow=(0.5, 0.7, 0.9, 1.0),
    launches_kernels=True,
)

DEVICES = {device.name: device for device in (CPU, H200)}


def find_device(name: str) -> Device:
    """Return a device by name; ``cuda`` is taken for an H200.

    Raises:
        NotationError: There is none of the name.
    """
    name = "h200" if name.startswith("cuda") else name
    if name not in DEVICES:
        raise NotationError(
            f"{name!r} is no known device.", cure=nearest(name, DEVICES, noun="devices")
        )
    return DEVICES[name]


def find_dtype(name: str) -> str:
    """Return the full name of a type, ``"bfloat16"`` for ``"bf16"``.

    Raises:
        NotationError: Costs are not known for it.
    """
    name = ALIASES.get(name, name.removeprefix("torch."))
    if name not in DTYPES:
        raise NotationError(f"{name!r} is no known type.", cure=nearest(name, DTYPES, noun="types"))
    return name
