"""Manifests, splits, simulated scenes and the torch datasets."""
