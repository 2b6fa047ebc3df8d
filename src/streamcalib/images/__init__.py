"""Where images come from: listing sources, reading and writing image lists, reading files."""
