"""Finished sets in the files of other quantizers, one module a consumer."""
