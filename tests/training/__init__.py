"""Tests of recipes, the loop, losses and checkpoints."""
