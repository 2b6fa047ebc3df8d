"""Other packages that can turn a folder of JPEGs into an array on disk."""
