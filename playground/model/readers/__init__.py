"""Readers of model files: one module a format, each with one ``READER``; :mod:`playground.model.loading` finds them."""
