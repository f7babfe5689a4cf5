"""The public functions that take a model, and pictures or labelled data: one call for what a command does.

`smalta` hands them out under flat names; the command line parses, calls them and prints.
"""
