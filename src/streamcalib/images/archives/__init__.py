"""Archives whose members are read where they are: an index built once, then random access."""
