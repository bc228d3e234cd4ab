"""Source: publications whose results are used."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Source:
    """A publication.

    Attributes:
        label: How it is cited.
        entry: Authors, title and place.
    """

    label: str
    entry: str


QUANTA = Source(
    "Chen et al. 2024",
    'Z. Chen, R. Dangovski, C. Loh, O. Dugan, D. Luo, M. Soljacic: "QuanTA: efficient high-rank '
    'fine-tuning of LLMs with quantum-informed tensor adaptation", arXiv:2406.00132.',
)
LORA = Source(
    "Hu et al. 2021",
    'E. J. Hu et al.: "LoRA: low-rank adaptation of large language models", arXiv:2106.09685.',
)
FLOW = Source(
    "Cui et al. 2015",
    "S. X. Cui, M. H. Freedman, O. Sattath, R. Stong, G. Minton: "
    '"Quantum max-flow/min-cut", arXiv:1508.04644.',
)
KAC = Source(
    "Kac 1980",
    'V. G. Kac: "Infinite root systems, representations of graphs and invariant theory", '
    "Invent. Math. 56 (1980).",
)
SCHOFIELD = Source(
    "Schofield 1992",
    'A. Schofield: "General representations of quivers", Proc. London Math. Soc. 65 (1992).',
)
DIMENSION = Source(
    "Bernardi et al. 2021",
    'A. Bernardi, C. De Lazzari, F. Gesmundo: "Dimension of tensor network varieties", '
    "arXiv:2101.03148.",
)
TRAINS = Source(
    "Holtz et al. 2012",
    'S. Holtz, T. Rohwedder, R. Schneider: "On manifolds of tensors of fixed TT-rank", '
    "Numer. Math. 120 (2012).",
)
SCHWARTZ = Source(
    "Schwartz 1980",
    'J. T. Schwartz: "Fast probabilistic algorithms for verification of polynomial identities", '
    "J. ACM 27 (1980).",
)
SHAKE = Source(
    "FIPS 202",
    'NIST: "SHA-3 standard: permutation-based hash and extendable-output functions", '
    "FIPS 202 (2015).",
)
