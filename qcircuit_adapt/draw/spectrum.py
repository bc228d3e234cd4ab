"""The singular values of operators, by size."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from matplotlib.axes import Axes

from qcircuit_adapt.analysis.trained.spectrum import Spectrum
from qcircuit_adapt.draw.style import apply_style, choose_axes


@dataclass(frozen=True)
class Curve:
    """The singular values of one operator over the largest.

    Attributes:
        label: What the operator is called, with what is measured of it.
        values: The positive ones, the largest first.
        numerical_rank: How many are above the tolerance.
    """

    label: str
    values: tuple[float, ...]
    numerical_rank: int


def list_curves(spectra: Mapping[str, Spectrum]) -> tuple[Curve, ...]:
    """Scale spectra so that each starts at 1, and leave out zeros, which a logarithm cannot show.

    Example:
        >>> list_curves({"T": Spectrum((4.0, 2.0, 0.0), 1e-12)})[0].values
        (1.0, 0.5)
    """
    return tuple(
        Curve(
            f"{name}: rank {spectrum.numerical_rank:,}, stable rank {spectrum.stable_rank:.1f}",
            tuple(
                value / spectrum.singular_values[0] for value in spectrum.singular_values if value
            ),
            spectrum.numerical_rank,
        )
        for name, spectrum in spectra.items()
    )


def draw_spectrum(
    spectra: Mapping[str, Spectrum], ax: Axes | None = None, *, theme: str = "light"
) -> Axes:
    """Draw singular values over their number, with a dot where the numerical rank ends.

    Args:
        spectra: What `measure_spectrum` found, by what the operators are called.
        ax: The axes to draw in; by default those of a new figure.
        theme: ``"light"`` or ``"dark"``.

    Returns:
        The axes; ``.figure`` is what to save.
    """
    with apply_style(theme):
        ax = choose_axes(ax, width=6.4, height=4.0)
        for curve in list_curves(spectra):
            (line,) = ax.plot(range(1, len(curve.values) + 1), curve.values, label=curve.label)
            if curve.numerical_rank:
                last = curve.values[curve.numerical_rank - 1]
                ax.plot(curve.numerical_rank, last, "o", color=line.get_color(), ms=6)
        ax.set(yscale="log", xlabel="number of the singular value", ylabel="over the largest")
        ax.set_title("Singular values (measured)")
        ax.grid(visible=True, axis="y")
        ax.legend()
    return ax
