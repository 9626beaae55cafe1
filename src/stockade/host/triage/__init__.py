"""Looks at a machine for traces of an intruder: facts go in, oddities come out.

A signal is a pure function over facts. Standard library only, as with the facts.
"""
