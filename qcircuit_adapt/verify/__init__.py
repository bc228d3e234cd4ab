"""An independent checker of certificates.

It shares the parser of circuits with the rest of the package, and nothing else: whoever distrusts
the code that proves need only read these files.
"""

from qcircuit_adapt.verify.body import Check
from qcircuit_adapt.verify.verdict import Verdict, verify

__all__ = ["Check", "Verdict", "verify"]
