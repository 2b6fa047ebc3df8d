"""A row source in the shape that a quantizer wants; one file a quantizer."""
