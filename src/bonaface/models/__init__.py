"""Detectors as torch modules: the mixture of experts, what it is put into, and the way out to ONNX."""
