"""Scores of answers, and of all predictions of a task."""
