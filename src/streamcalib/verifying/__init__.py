"""How a set is verified: its own bytes, and its images made into rows again."""
