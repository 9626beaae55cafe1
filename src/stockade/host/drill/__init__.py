"""A machine to practise on: this one, in namespaces of its own, with harmless traces of an intruder on it.

Nothing of it is seen or left outside: files are changed in layers that are in memory and gone at the end, processes and
the network are the stage's own. It imports nothing of ours but words.
"""
