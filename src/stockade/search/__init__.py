"""Finds entries again: a query language, an index that is made from the logs at will and proves nothing, and exports.

Read ``query`` for what can be asked, ``parse`` for how it is written, ``match`` for what it means, and ``index`` for
how it is found among millions. Entries are handed in by whoever can read the logs; nothing is imported here.
"""
