"""What `benchmarks/step.py` measures, and how."""
