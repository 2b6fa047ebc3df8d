"""Bytes of an image file to a row: decode, orient, letterbox, encode. Pure functions."""
