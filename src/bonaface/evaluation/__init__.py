"""Saved scores in, rates, intervals, thresholds and reports out; never a model."""
