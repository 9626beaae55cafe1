"""Saves what a machine shows, the most fleeting first, to where it can only be added to (RFC 3227).

Standard library and our words alone: it is sent to machines that have nothing but Python.
"""
