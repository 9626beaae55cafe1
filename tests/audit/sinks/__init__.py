"""Carrying the log away, with real stores and collectors."""
