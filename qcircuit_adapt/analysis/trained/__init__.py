"""Ranks and spectra of the matrices of trained tensors."""
