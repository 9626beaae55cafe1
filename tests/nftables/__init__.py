"""Bans carried out by the kernel, in network namespaces of their own."""
