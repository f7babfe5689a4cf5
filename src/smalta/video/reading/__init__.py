"""Read frames with their own time stamps: sources, decoding, live streams.

Must not know: networks, tracks, rules.
"""
