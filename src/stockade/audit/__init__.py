"""Records what happened, so that nobody can unsay it.

Read ``merkle`` for the mathematics, ``note`` and ``checkpoint`` for what is signed, ``log`` for how an event gets in,
and ``verify`` for how anybody else finds out whether it is still there. Nothing is imported here, so that a verifier
loads nothing of the writer.
"""
