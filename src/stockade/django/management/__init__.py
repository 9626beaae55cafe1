"""Commands of ``manage.py``: see, place, lift and explain bans."""
