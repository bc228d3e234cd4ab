"""A circuit in one Triton kernel: one pass over the activations forward, one backward."""

from qcircuit_adapt.nn.fused.apply import fused_apply, why_not

__all__ = ["fused_apply", "why_not"]
