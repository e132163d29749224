"""Former place of `aiot_suite`, kept for the imports of plug-ins that were written for it."""
