"""Ranks at drawn gates, computed exactly modulo a prime."""
