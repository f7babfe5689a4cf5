"""From frames of a video to tracks, events and counts that can be proved.

    frames -> (pacing: which frames the network sees) -> seeing: Detections -> tracks: Track
                                                      +-> flow: label maps of the frames between
    Track, ground -> crossing, zones, events -> log -> counts

A module here is a door; what several of them are made of lies in sub-rooms: `reading` (of `frames`), `following` (of
`tracks`), `rulebook` (of `rules`), `noticing` (of `events`), `logbook` (of `log`), `showing` (of `watch`).

Must not know: PyTorch, how networks run (only `seeing` and `watch` hold a model).
"""
