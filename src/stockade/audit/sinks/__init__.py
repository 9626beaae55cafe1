"""Carries the log away, to places where it can only be added to.

Read ``carrier`` for what a sink is and who drives it, ``settings`` for how one is written down, ``opening`` for which
there are, and ``probing`` for how a store is made to show that it refuses. Nothing is imported here.
"""
