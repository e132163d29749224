"""Tests of attached devices with a real adb server, real adbd processes in place of phones, and real sshd processes."""
