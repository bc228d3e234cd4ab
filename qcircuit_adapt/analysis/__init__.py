"""What a circuit costs and can express, proved without running it."""

from qcircuit_adapt.analysis.certificate import Certificate, claim_rank, prove
from qcircuit_adapt.analysis.claim import Invertible, RankClaim, Scaled, Unproved, Untrained
from qcircuit_adapt.analysis.count import QuantaBounds, quanta_bounds
from qcircuit_adapt.analysis.cut import Cut, check_cut, find_cut
from qcircuit_adapt.analysis.route import Path, Routing, check_routing, find_routing

__all__ = [
    "Certificate",
    "Cut",
    "Invertible",
    "Path",
    "QuantaBounds",
    "RankClaim",
    "Routing",
    "Scaled",
    "Unproved",
    "Untrained",
    "check_cut",
    "check_routing",
    "claim_rank",
    "find_cut",
    "find_routing",
    "prove",
    "quanta_bounds",
]
