"""Log files as programs write them: followed while they grow and rotate, and their lines taken apart.

What a line means is not said here: to the guard it is a request, to the intake an event.
"""
