"""The lines of a log, its header, reading it, and windows that people counted.

Must not know: tracks, rules, frames.
"""
