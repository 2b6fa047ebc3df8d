"""How well sets of images stand for a pool, in the eyes of a model."""
