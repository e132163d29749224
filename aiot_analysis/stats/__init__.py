"""Statistics: tidy frames in, tidy frames out. Nothing here draws."""
