"""What a tracker is made of: places, matching, repaired detections, votes.

Must not know: networks, files, rules.
"""
