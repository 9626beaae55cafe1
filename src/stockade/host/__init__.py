"""Looks at a machine, saves evidence of it, reads what it sends, and can shut its network.

It knows files, processes and packets, and no account: what it finds are oddities, which the doors record as findings.
Whatever looks at the machine itself imports the standard library and our words alone, so that it can be sent elsewhere.
"""
