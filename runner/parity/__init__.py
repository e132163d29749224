"""Check that a converted model answers like its original, and add model files that were made elsewhere."""
