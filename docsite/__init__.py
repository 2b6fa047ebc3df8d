"""What the documentation's site takes from the code: commands, programming interface, pictures."""
