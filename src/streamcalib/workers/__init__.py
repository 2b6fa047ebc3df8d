"""Processes that work for a parent: how they end, with it or before it."""
