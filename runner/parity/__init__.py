"""Check that converted models give the same answers as their originals, and add model files made elsewhere."""
