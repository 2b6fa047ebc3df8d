"""Rows made from images while they are read."""
