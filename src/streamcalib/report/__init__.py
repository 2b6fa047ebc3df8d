"""The page on which a person looks at a set: its rows, its distributions, what is odd about it."""
