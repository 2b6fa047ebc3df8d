"""Which images go into a set, and in which order."""
