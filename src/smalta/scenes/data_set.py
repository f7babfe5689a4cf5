"""Write generated samples as a folder data set.

In:  a class tree, a function that draws the sample of a seed, numbers of samples.
Out: a folder with pictures, masks, instances, attributes and `classes.yaml`.

Must not know: what the samples show.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from smalta.classes import ClassTree
from smalta.data.sample import Sample
from smalta.errors import ConfigError
from smalta.pictures.writing import write_index, write_picture
from smalta.system.threads import map_in_order
from smalta.system.whole_files import write_bytes


def write_data_set(
    out: str | Path,
    tree: ClassTree,
    draw: Callable[[int], Sample],
    *,
    n_train: int,
    n_val: int,
    n_test: int,
    seed: int = 0,
) -> Path:
    """Write the samples of the seeds `seed`, `seed + 1`, ... in the order train, val, test.

    Args:
        out: the folder to write; new or empty.
        tree: the classes of the samples.
        draw: the sample of a seed.
        n_train: number of samples in the training split; a split without samples has no folder.
        n_val: number of samples in the validation split.
        n_test: number of samples in the test split.
        seed: of the first sample.

    Returns:
        `out`.

    Raises:
        ConfigError: if a number is negative, all are 0, or `out` holds files.
    """
    counts = {"train": n_train, "val": n_val, "test": n_test}
    if min(counts.values()) < 0 or sum(counts.values()) == 0:
        raise ConfigError(f"numbers of scenes must be 0 or more, and at least one above 0, got {counts}")
    root = Path(out)
    if root.is_file() or (root.is_dir() and any(root.iterdir())):
        raise ConfigError(f"{root} is not empty; name a new folder for the scenes")
    root.mkdir(parents=True, exist_ok=True)
    write_bytes(root / "classes.yaml", tree.to_yaml().encode())
    jobs: list[tuple[Path, int]] = []
    for split, count in counts.items():
        jobs += [(root / split, seed + len(jobs) + i) for i in range(count)]

    def write(job: tuple[Path, int]) -> None:
        folder, number = job
        _write(folder, draw(number), tree)

    for _ in map_in_order(write, jobs):
        pass
    return root


def _write(folder: Path, sample: Sample, tree: ClassTree) -> None:
    maps = {"masks": tree.node_to_value[sample.classes]}
    if sample.instances is not None:
        maps["instances"] = sample.instances
    maps |= {f"attributes/{name}": values for name, values in sample.attributes.items()}
    for role in ("images", *maps):
        (folder / role).mkdir(parents=True, exist_ok=True)
    write_picture(folder / "images" / f"{sample.name}.png", sample.picture)
    for role, values in maps.items():
        write_index(folder / role / sample.name, values)
