"""Backups of a machine, read without restoring them: when each was taken, and what is in it."""
