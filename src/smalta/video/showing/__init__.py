"""Files for looking at: tables, charts, maps, videos.

Must not know: how events are made, how the log is written.
"""
