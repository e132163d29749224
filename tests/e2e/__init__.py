"""Real parts to test attached devices with: an adb server of its own, and adbd processes that stand for phones."""
