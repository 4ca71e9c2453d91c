"""What ``build.py`` does, one step a module. Standard library only: it runs before anything is installed.

It lives beside ``.ci/run`` because both are how the project is made rather than the project: ``playground/`` is what
people install, ``static/`` is what the browser gets, and neither should carry this.
"""
