"""What was measured of images, kept beside the lists that it was measured for."""
