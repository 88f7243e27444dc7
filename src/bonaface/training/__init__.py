"""Recipes, the loop, losses and checkpoints."""
