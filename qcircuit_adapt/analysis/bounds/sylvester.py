"""Sylvester: bounds on the rank of a product with a base weight.

Where a circuit acts before or after a frozen weight W, the update is ``W (T - I)`` or
``(T - I) W``. If W has as large a rank as T has dimensions, it has the rank of ``T - I``.
"""

from __future__ import annotations


def multiply_bounds(
    bounds: tuple[int, int], *, weight_rank: int, dimension: int
) -> tuple[int, int]:
    """Bound the rank of the product of an update with a weight.

    Args:
        bounds: Bounds on the rank of the update ``T - I``.
        weight_rank: The rank of the weight.
        dimension: Where they meet: ``d_in`` of the weight if the circuit acts before it, ``d_out``
            if after it.

    Example:
        A square circuit before a projection from 4,096 to 1,024 dimensions:

        >>> multiply_bounds((4096, 4096), weight_rank=1024, dimension=4096)
        (1024, 1024)

    Source: Sylvester's inequality, ``rank A + rank B - n <= rank AB``.
    """
    lower, upper = bounds
    return max(0, lower + weight_rank - dimension), min(upper, weight_rank)
