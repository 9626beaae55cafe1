"""A small Django project with a sign-in, for the tests."""
