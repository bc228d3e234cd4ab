"""What a circuit costs and can express, proved without running it."""

from qcircuit_adapt.analysis.bounds.bridge import BridgeBound, find_bridge
from qcircuit_adapt.analysis.bounds.cut import Cut, check_cut, find_cut
from qcircuit_adapt.analysis.bounds.product import ProductBound, find_product
from qcircuit_adapt.analysis.bounds.route import Path, Routing, check_routing, find_routing
from qcircuit_adapt.analysis.bounds.sylvester import multiply_bounds
from qcircuit_adapt.analysis.bounds.telescope import telescoped_bound
from qcircuit_adapt.analysis.certificate import Certificate
from qcircuit_adapt.analysis.claim import Invertible, RankClaim, Scaled, Unproved, Untrained
from qcircuit_adapt.analysis.count import QuantaBounds, quanta_bounds
from qcircuit_adapt.analysis.field.witness import Witness, find_witness
from qcircuit_adapt.analysis.freedom.claim import Freedom, find_freedom
from qcircuit_adapt.analysis.proof import claim_rank, prove
from qcircuit_adapt.analysis.structure.statement import find_structure
from qcircuit_adapt.analysis.sum_certificate import SumCertificate

__all__ = [
    "BridgeBound",
    "Certificate",
    "Cut",
    "Freedom",
    "Invertible",
    "Path",
    "ProductBound",
    "QuantaBounds",
    "RankClaim",
    "Routing",
    "Scaled",
    "SumCertificate",
    "Unproved",
    "Untrained",
    "Witness",
    "check_cut",
    "check_routing",
    "claim_rank",
    "find_bridge",
    "find_cut",
    "find_freedom",
    "find_product",
    "find_routing",
    "find_structure",
    "find_witness",
    "multiply_bounds",
    "prove",
    "quanta_bounds",
    "telescoped_bound",
]
