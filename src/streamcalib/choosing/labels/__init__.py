"""Which classes the images of a population show, from wherever that is written down."""
