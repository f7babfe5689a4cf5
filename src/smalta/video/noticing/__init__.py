"""From tracks, frame by frame, to changes in zones and of rules.

Must not know: networks, files, the log.
"""
