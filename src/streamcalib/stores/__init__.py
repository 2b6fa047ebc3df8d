"""The arrays that rows are written into: one file a format, one `Store` protocol."""
