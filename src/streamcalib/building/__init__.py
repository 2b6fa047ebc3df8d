"""The parts of a build: checks before it, workers, what is noted of rows, the record after it."""
