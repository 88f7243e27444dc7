"""Manifests, splits, simulated sets and the torch dataset."""
