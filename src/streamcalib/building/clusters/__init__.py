"""Builds on clusters that are there already: Dask's and Ray's, through joblib's own backends."""
