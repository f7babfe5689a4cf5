"""The public functions: one call for each command.

`smalta` exports them under flat names. The command line parses its arguments, calls them and prints.
"""
