"""Shuts a machine's network but for what is named, and opens it again by itself when nobody confirms that in time.

What stays is said in a frozen :class:`~stockade.host.restrict.named.Restriction`; rules and words are drawn from it
without asking the world. The clock that opens it again is the kernel's.
"""
