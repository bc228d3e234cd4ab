"""What is told about a circuit beside its picture: names, numbers, what a gate is."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from qcircuit_adapt.axes import format_axes
from qcircuit_adapt.circuit import Circuit
from qcircuit_adapt.gate import Gate

if TYPE_CHECKING:
    from qcircuit_adapt.analysis.certificate import Certificate
    from qcircuit_adapt.analysis.claim import RankClaim
    from qcircuit_adapt.compiler.plan import Plan


@dataclass(frozen=True)
class Fact:
    """A number of the footer.

    Attributes:
        value: The number.
        noun: What it counts, or what it is called.
        note: What else there is to say of it.
        counts: Whether the noun is what it counts, and follows the number.

    Example:
        >>> str(Fact("43,008", "parameters", "0.256 % of dense"))
        '43,008 parameters (0.256 % of dense)'
        >>> str(Fact("16", "rank", counts=False))
        'rank 16'
    """

    value: str
    noun: str
    note: str = ""
    counts: bool = True

    def __str__(self) -> str:
        words = (self.value, self.noun) if self.counts else (self.noun, self.value)
        return " ".join(words) + (f" ({self.note})" if self.note else "")


def describe_gate(circuit: Circuit, gate: Gate, *, macs: int, step: str = "") -> str:
    """Say what a gate is: wires, shape, parameters, MACs, what is special, step, a line each."""
    owner = circuit.owner(gate)
    wires = format_axes(gate.on)
    wires += f" -> {format_axes(gate.to)}" if gate.to != gate.on else ""
    wires += f" per {format_axes(gate.per)}" if gate.per else ""
    special = [
        f"rank {owner.rank}" if owner.rank else "",
        "diagonal" if gate.diagonal else "",
        "frozen" if owner.frozen else "",
        f"shares the tensor of {owner.name}" if gate.share else "",
    ]
    shape = " x ".join(map(str, gate.shape))
    share = _percent(macs, circuit.macs_per_token)
    lines = [
        f"{gate.name}: {wires.strip()}",
        f"shape {shape}, {_count(gate.parameters, 'parameter')}",
        f"{_count(macs, 'MAC')} per token ({share} of the circuit)",
        ", ".join(filter(None, special)),
        step,
    ]
    return "\n".join(filter(None, lines))


def list_facts(
    circuit: Circuit, *, certificate: Certificate | None = None, plan: Plan | None = None
) -> tuple[Fact, ...]:
    """Return the numbers of a circuit's footer, with those of its certificate and its plan."""
    dense = circuit.d_in * circuit.d_out
    macs = plan.macs_per_token if plan else circuit.macs_per_token
    facts = [
        Fact(f"{circuit.d_in} -> {circuit.d_out}", "features"),
        _fact(circuit.parameters, "parameter", f"{_percent(circuit.parameters, dense)} of dense"),
        _fact(circuit.frozen_parameters, "frozen parameter") if circuit.frozen_parameters else None,
        *(_list_proved(certificate) if certificate else ()),
        _fact(macs, "MAC", f"{_percent(macs, dense)} of dense", per=" per token"),
        _fact(plan.saved_per_token, "saved element", per=" per token") if plan else None,
    ]
    return tuple(fact for fact in facts if fact)


def _list_proved(certificate: Certificate) -> Iterator[Fact]:
    freedom, update = certificate.degrees_of_freedom, certificate.update_rank
    value = _interval(freedom.lower, freedom.upper)
    yield Fact(value, "degrees of freedom", freedom.status)
    yield _state_rank(certificate.rank, "rank")
    if update:
        yield _state_rank(update, f"rank of the update, form {update.form!r}")


def _state_rank(claim: RankClaim, noun: str) -> Fact:
    status = "proved exact" if claim.exact else "proved interval"
    return Fact(_interval(claim.lower, claim.upper), noun, status, counts=False)


def _interval(lower: int, upper: int) -> str:
    """Write bounds on a number.

    Example:
        >>> _interval(4096, 4096), _interval(0, 30), _interval(12, 30)
        ('4,096', '≤ 30', '12 to 30')
    """
    if lower == upper:
        return f"{upper:,}"
    return f"{lower:,} to {upper:,}" if lower else f"≤ {upper:,}"


def note_rest(first: int, last: int) -> str:
    """Say which gates are not drawn; nothing if the first is after the last."""
    if first > last:
        return ""
    return (
        f"gates {first:,} to {last:,} are not drawn"
        if first < last
        else f"gate {last} is not drawn"
    )


def _fact(number: int, noun: str, note: str = "", *, per: str = "") -> Fact:
    value, plural = _count(number, noun).split(" ", 1)
    return Fact(value, plural + per, note)


def _count(number: int, noun: str) -> str:
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def _percent(part: int, whole: int) -> str:
    """Say how large a part is, to three digits.

    Example:
        >>> _percent(1_835_008, 4096**2), _percent(50_000, 16), _percent(1, 10**6)
        ('10.9 %', '312,500 %', 'under 0.001 %')
    """
    percent = 100 * part / whole if whole else 0.0
    if 0 < percent < 0.001:
        return "under 0.001 %"
    return f"{percent:,.0f} %" if percent >= 1000 else f"{percent:.3g} %"


def shorten(name: str, limit: int) -> str:
    """Return a name with its middle left out if it is longer than a limit.

    Example:
        >>> shorten("attention_first", 10)
        'attent…rst'
    """
    return name if len(name) <= limit else f"{name[: limit - 4]}…{name[-3:]}"


def shorten_end(text: str, limit: int) -> str:
    """Return a text with its end left out if it is longer than a limit.

    Example:
        >>> shorten_end("a=16 b=8 | a b", 10)
        'a=16 b=8 …'
    """
    return text if len(text) <= limit else f"{text[: limit - 1]}…"
