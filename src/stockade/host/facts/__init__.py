"""What lies and runs on a machine, as plain data: pure parsers over text, and thin readers over a root folder.

A reader is handed the folder that the machine's files lie under: ``/`` on a machine, a folder of its own in a test.
"""
