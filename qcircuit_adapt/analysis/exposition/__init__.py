"""A certificate in words: as plain text, or as LaTeX for a paper."""

from qcircuit_adapt.analysis.exposition.argument import argue
from qcircuit_adapt.analysis.exposition.tex import to_tex
from qcircuit_adapt.analysis.exposition.text import explain

__all__ = ["argue", "explain", "to_tex"]
