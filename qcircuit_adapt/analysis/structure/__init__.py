"""Statements on what a circuit can and cannot reach."""
