"""What ``build.py`` does, one step a module; the tables of the docs; the training of the gallery's models.

The modules that ``build.py`` imports use the standard library only: they run before anything is installed.
"""
