"""What a model's own tensors look like over many images: histograms are kept, activations never."""
