"""Acts on a compromise: a playbook becomes a plan, which people approve, and which is run, verified and undone.

It knows the directory and every other room, and is wired by the doors. All that is known of a plan is in the log.
"""
