"""Quantization by NVIDIA ModelOpt, fed by a reader."""
