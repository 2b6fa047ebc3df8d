"""Near-duplicates: images that look the same, found by a perceptual hash, and left out."""
