"""Real parts to test attached devices with: an adb server of its own, and adbd processes that stand for phones."""


class NotHere(Exception):
    """This machine cannot run the real parts; the message is the reason, fit to be the reason of a skipped test."""
