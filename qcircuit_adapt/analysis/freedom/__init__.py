"""The dimension of the set of all operators that a circuit can express."""
