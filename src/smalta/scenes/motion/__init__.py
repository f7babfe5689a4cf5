"""Generated clips of a shop's door, a car park and a street, with exact truth for everything that `smalta watch` says.

In:  a kind of clip, a seed, a length, a frame rate, a picture size.
Out: `Clip`: frames with masks and ids, crossings, contacts, occupancy, taken places, and the rules that fit; videos and
     folder data sets.

Must not know: networks, training, tracks. The same seed gives the same clip.
"""

from smalta.scenes.motion.clip import KINDS, Clip, MotionKind, generate_clip, motion_tree
from smalta.scenes.motion.values import ClipTruth, TrueContact, TrueCrossing, TrueFrame
from smalta.scenes.motion.writing import write_clip, write_motion_data

__all__ = [
    "KINDS",
    "Clip",
    "ClipTruth",
    "MotionKind",
    "TrueContact",
    "TrueCrossing",
    "TrueFrame",
    "generate_clip",
    "motion_tree",
    "write_clip",
    "write_motion_data",
]
