"""What a finalization is made of."""
