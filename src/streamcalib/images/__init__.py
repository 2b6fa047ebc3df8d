"""Where images come from: sources, image lists, and the bytes of files, members and objects."""
