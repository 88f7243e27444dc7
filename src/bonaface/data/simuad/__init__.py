"""SimUAD: a benchmark out of simulated attacks, every species on every subject."""
