"""The guard in a Django project: ``INSTALLED_APPS += ["stockade.django"]``, a middleware, and the setting ``STOCKADE``.

Importing from here, or from :mod:`stockade.django.conditions`, is safe in a settings module.
"""
