"""From frames of a video to tracks, events and counts that can be proved.

    frames -> (pacing: which frames the network sees) -> seeing: Detections -> tracks: Track
                                                      +-> flow: label maps of the frames between
    Track, ground -> crossing, zones, events -> log -> counts

Must not know: PyTorch, how networks run (only `seeing` and `watch` hold a model).
"""
