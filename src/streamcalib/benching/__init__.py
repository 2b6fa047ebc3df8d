"""The parts of a bench: what is measured, the workers it is measured in, what the figures say."""
