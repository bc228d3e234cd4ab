"""Bounds on ranks from the graph alone: cuts and what sharpens them, and paths."""
