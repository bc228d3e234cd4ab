"""A circuit as the source of one Triton kernel; `nn.fused` runs it."""
