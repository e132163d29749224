"""Pages in a real Chromium, opened from their files, with the network off."""
