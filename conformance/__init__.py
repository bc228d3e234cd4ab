"""PEFT's own tests, run on our method; README.md says how."""
