"""Simulated attacks: a bona fide picture goes in, the same picture as an attack comes out. No learning, no files."""
