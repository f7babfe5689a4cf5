"""Decide which pictures are for training, which for validation and which for testing.

In:  the entries of a data set, a seed, and optionally a `groups.txt` and a `kinds.txt`.
Out: entries by split, and a sentence for every decision.

The order of files does not matter: pictures and groups are ranked by a hash of the seed and their names, so adding a
picture moves few others.

Must not know: formats, label files.
"""

from __future__ import annotations

import hashlib
import re
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from pathlib import Path

import numpy as np

from smalta.data.sample import Entry
from smalta.errors import DataError
from smalta.pictures.finding import is_picture_name

SPLITS = ("train", "val", "test")
GROUPS_FILE = "groups.txt"
UNSPLIT = ""
SHARES = {"train": 0.70, "val": 0.15, "test": 0.15}
CARVED = {"train": 0.85, "val": 0.15}
_ALIASES = {"training": "train", "valid": "val", "validation": "val", "testing": "test"}


def split_name(folder_name: str) -> str | None:
    """The split that the name of a folder or file means, such as "val" for `valid` or `val2017`; otherwise None."""
    word = re.sub(r"[-_]?\d*$", "", folder_name.lower())
    word = _ALIASES.get(word, word)
    return word if word in SPLITS else None


def make_splits(
    found: Mapping[str, Sequence[Entry]],
    *,
    seed: int,
    groups_file: Path | None = None,
    kinds_file: Path | None = None,
    classes_of: Callable[[Sequence[Entry]], list[Collection[int]]] | None = None,
) -> tuple[dict[str, tuple[Entry, ...]], list[str], bool]:
    """Complete the splits that a data set brings.

    Pictures without a split, or in train only, are dealt 70/15/15. If there are train and test, 15 % of train become
    val. Train and val without test stay as they are.

    Args:
        found: entries by split; `UNSPLIT` where the data set has no splits.
        seed: of the random splits.
        groups_file: `groups.txt`; pictures of one group stay in one split.
        kinds_file: `kinds.txt`; each split gets its share of the pictures of every kind, as far as groups allow.
        classes_of: gives the classes present in each entry. Groups are dealt so that the shares of each class, too,
            come near the shares of the splits.

    Returns:
        Entries by split, notes, and whether any picture was dealt.
    """
    filled = {name: tuple(found[name]) for name in (UNSPLIT, *SPLITS) if found.get(name)}
    if UNSPLIT in filled or set(filled) == {"train"}:
        pictures = filled.get(UNSPLIT, filled.get("train", ()))
        return *_deal(pictures, UNSPLIT not in filled, seed, groups_file, kinds_file, classes_of), True
    notes = []
    if set(filled) == {"train", "test"}:
        dealt, deal_notes = _deal(filled["train"], True, seed, groups_file, kinds_file, classes_of, CARVED)
        return {**dealt, "test": filled["test"]}, deal_notes, True
    missing = [name for name in SPLITS if name not in filled]
    if missing:
        notes.append(f"no {' and no '.join(missing)} split: the data set has {', '.join(filled)} only")
    return filled, notes, False


def _deal(
    entries: Sequence[Entry],
    from_train: bool,
    seed: int,
    groups_file: Path | None,
    kinds_file: Path | None,
    classes_of: Callable[[Sequence[Entry]], list[Collection[int]]] | None,
    shares: Mapping[str, float] = SHARES,
) -> tuple[dict[str, tuple[Entry, ...]], list[str]]:
    notes: list[str] = []
    how = "at random"
    kinds = dict.fromkeys((entry.name for entry in entries), "")
    if kinds_file is not None:
        stated, notes = read_kinds(kinds_file, entries)
        fewest = 1 / min(shares.values())  # rarer kinds are dealt together: one alone has no picture for each split
        rare = {kind for kind, count in Counter(stated.values()).items() if count < fewest}
        kinds |= {name: kind for name, kind in stated.items() if kind not in rare}
        how += f", by the kinds in {kinds_file.name},"
    groups: dict[str, str] = {}
    if groups_file is not None:
        groups, group_notes = read_groups(groups_file, entries)
        notes += group_notes
        if len(set(groups.values())) > 1:
            how = f"by the groups in {groups_file.name}, which stay together,"
        else:
            groups = {}
        if not groups and len(entries) > 1:
            notes.append(
                f"all pictures are of one group in {groups_file.name}, so they are dealt one by one, and the scores "
                "will be too good; add pictures of another group, such as frames of another clip"
            )
    if groups:
        classes = classes_of(entries) if classes_of else [()] * len(entries)
        present: dict[str, Collection[int | str]] = {}
        for entry, found in zip(entries, classes, strict=True):
            present[entry.name] = [*found, *([kinds[entry.name]] if kinds[entry.name] else [])]
        side = split_by_group(groups, seed=seed, shares=shares, classes=present)
    else:
        side = {}
        for kind in sorted(set(kinds.values())):
            side |= split_by_picture((name for name in kinds if kinds[name] == kind), seed=seed, shares=shares)
    dealt = {name: tuple(e for e in entries if side[e.name] == name) for name in shares}
    dealt = {name: members for name, members in dealt.items() if members}
    counts = ", ".join(f"{len(members)} {name}" for name, members in dealt.items())
    source = "train pictures" if from_train else "pictures"
    lacking = "no val split" if shares is CARVED else "no val or test split" if from_train else "no splits"
    notes.insert(0, f"{lacking}: {len(entries)} {source} dealt {how} with seed {seed}: {counts}")
    return dealt, notes


def split_by_picture(names: Iterable[str], *, seed: int, shares: Mapping[str, float] = SHARES) -> dict[str, str]:
    """Split of every picture; each split gets its rounded share, and at least one picture if there are enough.

    Args:
        names: unique names of pictures, in any order.
        seed: of the ranking.
        shares: share by split; the first split gets the remainder of rounding.

    Example:
        >>> sorted(split_by_picture(["a", "b", "c"], seed=0).values())
        ['test', 'train', 'val']
    """
    ranked = _ranked(names, seed)
    first, *others = shares
    side = dict.fromkeys(ranked, first)
    stop = len(ranked)
    for rest, name in enumerate(others, start=1):
        count = min(max(1, round(shares[name] * len(ranked))), stop - 1) if len(ranked) > rest else 0
        side.update(dict.fromkeys(ranked[stop - count : stop], name))
        stop -= count
    return side


def split_by_group(
    groups: Mapping[str, str],
    *,
    seed: int,
    shares: Mapping[str, float] = SHARES,
    classes: Mapping[str, Collection[int | str]] | None = None,
) -> dict[str, str]:
    """Split of every picture; pictures of one group stay together.

    Groups are dealt from the largest to the smallest, each to the split that lacks most. They are then moved and
    exchanged as long as that brings the shares of pictures and classes nearer to those wanted.

    Args:
        groups: group by picture.
        seed: of the order among groups of one size.
        shares: share by split. With fewer groups than splits, the last splits are empty.
        classes: classes and kinds present, by picture. They have half of the weight, the number of pictures the other.
    """
    order = _ranked(set(groups.values()), seed)
    row = {group: index for index, group in enumerate(order)}
    kinds = sorted({value for found in (classes or {}).values() for value in found}, key=str)
    column = {value: index + 1 for index, value in enumerate(kinds)}
    counts = np.zeros((len(order), 1 + len(kinds)))
    for name, group in groups.items():
        present = [column[value] for value in (classes or {}).get(name, ())]
        counts[row[group], [0, *present]] += 1
    weights = np.array([1.0] + [1.0 / len(kinds)] * len(kinds)) if kinds else np.ones(1)
    parts = counts / counts.sum(axis=0)  # (groups, 1 + classes): each group's share of all pictures, of each class
    names = list(shares)[: len(order)]
    wanted = np.array([shares[name] for name in names]) / sum(shares[name] for name in names)
    by_size = np.argsort(-counts[:, 0], kind="stable")
    side = _deal_groups(parts, wanted, weights, by_size)
    return {name: names[side[row[group]]] for name, group in groups.items()}


def _deal_groups(parts: np.ndarray, wanted: np.ndarray, weights: np.ndarray, order: np.ndarray) -> np.ndarray:
    """(groups,) index of the split of each group; every split gets at least one group."""
    n_splits = len(wanted)
    filled = np.zeros((n_splits, parts.shape[1]))
    side = np.full(len(parts), -1)

    def added(group: int) -> np.ndarray:  # by how much the squared distance to the shares grows, in each split
        change = parts[group] * (parts[group] + 2 * (filled - wanted[:, None]))
        return (change * weights).sum(axis=1) / wanted

    for place, group in enumerate(order):
        gain = added(group)
        empty = np.flatnonzero(np.bincount(side[side >= 0], minlength=n_splits) == 0)
        if len(order) - place <= len(empty):  # as many groups are left as splits are empty
            gain[np.setdiff1d(np.arange(n_splits), empty)] = np.inf
        side[group] = gain.argmin()
        filled[side[group]] += parts[group]
    for _ in range(20):
        moved = False
        for group in order:
            old = side[group]
            if (side == old).sum() > 1:
                filled[old] -= parts[group]
                gain = added(group)
                best = int(gain.argmin())
                if gain[best] < gain[old] - 1e-12:
                    side[group], moved = best, True
                filled[side[group]] += parts[group]
            moved |= _swap(group, side, filled, parts, wanted, weights)
        if not moved:
            break
    return side


def _swap(
    group: int, side: np.ndarray, filled: np.ndarray, parts: np.ndarray, wanted: np.ndarray, weights: np.ndarray
) -> bool:
    """Exchange a group with the group of another split that brings the shares nearest, if one does."""
    old = side[group]
    change = parts - parts[group]  # what the group's split gains, and the other split loses
    excess = filled - wanted[:, None]
    here = change * (change + 2 * excess[old]) / wanted[old]
    there = change * (change - 2 * excess[side]) / wanted[side][:, None]
    gain = ((here + there) * weights).sum(axis=1)
    gain[side == old] = 0.0
    other = int(gain.argmin())
    if gain[other] > -1e-12:
        return False
    filled[old] += change[other]
    filled[side[other]] -= change[other]
    side[group], side[other] = side[other], old
    return True


def read_groups(path: Path, entries: Sequence[Entry]) -> tuple[dict[str, str], list[str]]:
    """Group of every entry, from lines `picture<TAB or space>group`; a picture is named by stem or by file name.

    A picture that no line names is a group of its own, and a note says so.

    Raises:
        DataError: if a line has one word only, a picture is in two groups, or no line names a picture of the set.
    """
    stated, alone = _read_lines(path, entries, "group")
    # prefixes keep the file's groups and lone pictures apart, whatever their names
    groups = {name: f"group {group}" for name, group in stated.items()}
    notes = [f"{_left_out(path, alone)}; each is a group of its own"] if alone else []
    return {**groups, **{name: f"picture {name}" for name in alone}}, notes


def read_kinds(path: Path, entries: Sequence[Entry]) -> tuple[dict[str, str], list[str]]:
    """Kind of every entry that a line of the file names, by the rules of `read_groups`."""
    stated, alone = _read_lines(path, entries, "kind")
    return stated, [f"{_left_out(path, alone)}; they count as one more kind"] if alone else []


def _left_out(path: Path, names: Sequence[str]) -> str:
    return f"{len(names)} pictures are not in {path.name}, such as {names[0]}"


def _read_lines(path: Path, entries: Sequence[Entry], noun: str) -> tuple[dict[str, str], list[str]]:
    """The group or kind of each entry, and the names of the entries that the file does not mention."""
    try:
        lines = path.read_text(encoding="utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(f"{path} cannot be read as text: {error}") from error
    stated: dict[str, str] = {}
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        stem, value = _cells(line)
        if not value:
            raise DataError(f"{path}, line {number}: {line!r} must hold a picture's stem, a tab or space, and a {noun}")
        if stated.setdefault(stem, value) != value:
            raise DataError(f"{path}, line {number}: {stem!r} is in two {noun}s; a picture has one {noun}, so keep one")
    alone = [entry.name for entry in entries if entry.picture.stem not in stated]
    if len(alone) == len(entries):
        raise DataError(
            f"{path} names none of the pictures; write their stems, for example {entries[0].picture.stem!r}"
        )
    return {e.name: stated[e.picture.stem] for e in entries if e.picture.stem in stated}, alone


def _cells(line: str) -> tuple[str, str]:
    """Stem of the picture, and its group or kind; "" if the line does not state one."""
    first, *rest = line.strip().rsplit("\t" if "\t" in line.strip() else None, 1)
    file = Path(first.strip())
    return file.stem if is_picture_name(file) else file.name, rest[0].strip() if rest else ""


def with_groups(content: str, groups: Mapping[str, str]) -> str:
    """The content of a groups file with more pictures; what it says of a picture already stays.

    Args:
        content: lines as `read_groups` takes them.
        groups: group by picture, as stem; they are added in this order.

    Example:
        >>> with_groups("a.png\tone", {"a": "two", "b": "two"})
        'a.png\tone\nb.png\ttwo\n'
    """
    lines = [line for line in content.splitlines() if line.strip()]
    stated = {_cells(line)[0] for line in lines}
    lines += [f"{stem}.png\t{group}" for stem, group in groups.items() if stem not in stated]
    return "".join(f"{line}\n" for line in lines)


def _ranked(names: Iterable[str], seed: int) -> list[str]:
    """Names in an order that depends only on the seed and on themselves."""
    return sorted(names, key=lambda name: (hashlib.sha256(f"{seed}/{name}".encode()).digest(), name))
