"""The formula of QuanTA's published code, in words of our own.

One `opt_einsum.contract_expression` over x and all gates, whose path is found for one input; x is
padded to the product of the axes and the result to the layer's outputs, by calls of `pad` that
copy even where there is nothing to pad.

Source: Chen et al., arXiv:2406.00132, section 4, and its published code.
"""

from __future__ import annotations

import math
from typing import Any

import opt_einsum
import torch
from torch import Tensor, nn
from torch.nn.functional import pad

from qcircuit_adapt import Circuit
from qcircuit_adapt.compiler.path import apply_network


class Official(nn.Module):
    """A frozen layer plus ``T x``, as the official layer computes it once S is in its weight.

    Args:
        linear: The frozen layer.
        circuit: Dense gates that keep their sizes, at least as wide as the layer.
    """

    def __init__(self, linear: nn.Linear, circuit: Circuit) -> None:
        super().__init__()
        self.linear, self.sizes = linear, tuple(axis.size for axis in circuit.inputs)
        self.gates = nn.ParameterList(
            torch.randn(gate.shape, dtype=linear.weight.dtype) / math.sqrt(gate.columns)
            for gate in circuit.gates
        )
        network = apply_network(circuit, tokens=1)
        x, *gates = ("".join(map(opt_einsum.get_symbol, o.indices)) for o in network.operands)
        tokens = opt_einsum.get_symbol(0)
        assert x.startswith(tokens)
        self.equation = f"{','.join([x, *gates])}->"
        self.equation += "".join(map(opt_einsum.get_symbol, network.output))
        self.expression: Any = opt_einsum.contract_expression(
            self.equation, (1, *self.sizes), *(gate.shape for gate in circuit.gates)
        )

    def forward(self, x: Tensor) -> Tensor:
        width, wide = x.shape[-1], math.prod(self.sizes)
        result = self.linear(x)
        x = pad(x, (0, wide - width)).reshape(-1, *self.sizes)
        change = self.expression(x, *self.gates).reshape(-1, wide)
        sum_: Tensor = result + pad(change, (0, result.shape[-1] - wide))
        return sum_
