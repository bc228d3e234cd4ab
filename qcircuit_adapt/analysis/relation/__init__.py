"""How circuits relate: which are the same, which express others, which are closed."""
