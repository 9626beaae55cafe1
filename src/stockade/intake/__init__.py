"""Takes in what other systems have logged: their lines, deliveries and lists become events in one vocabulary.

::

    receivers ─▶ formats (pure) ─▶ Taken ─▶ handover ─▶ the log
                    │                          │
                 tables/*.toml              ledger: how far was read, what was handed on

Nothing is lost and nothing is taken in twice: every event bears an identity, what was read is remembered only after it
is in the log, and whoever starts again looks into the log's tail first.
"""
