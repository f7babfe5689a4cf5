"""From the file of a user to checked rules.

Must not know: tracks, events, the log.
"""
