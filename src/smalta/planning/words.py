"""Format numbers for people: durations, sizes, rates."""

from __future__ import annotations


def duration(seconds: float) -> str:
    """Three digits and a unit.

    Example:
        >>> duration(0.00125), duration(4.5), duration(600)
        ('1.25 ms', '4.5 s', '10 min')
    """
    if seconds < 1e-3:
        return f"{1e6 * seconds:.3g} us"
    if seconds < 1:
        return f"{1e3 * seconds:.3g} ms"
    return f"{seconds:.3g} s" if seconds < 120 else f"{seconds / 60:.3g} min"


def size(n_bytes: float) -> str:
    """Bytes in KiB, MiB or GiB.

    Example:
        >>> size(4096), size(48 * 2**20), size(1.5 * 2**30)
        ('4 KiB', '48 MiB', '1.5 GiB')
    """
    if n_bytes < 2**20:
        return f"{n_bytes / 2**10:.0f} KiB"
    return f"{n_bytes / 2**20:.0f} MiB" if n_bytes < 2**30 else f"{n_bytes / 2**30:.1f} GiB"


def rate(per_second: float, unit: str) -> str:
    """Something per second.

    Example:
        >>> rate(186e9, "FLOP/s"), rate(1.2e13, "FLOP/s"), rate(32_800, "FLOP")
        ('186 GFLOP/s', '12 TFLOP/s', '32.8 kFLOP')
    """
    for factor, prefix in ((1e12, "T"), (1e9, "G"), (1e6, "M"), (1e3, "k")):
        if per_second >= 0.9995 * factor:  # smaller values do not round up to this unit
            return f"{per_second / factor:.3g} {prefix}{unit}"
    return f"{per_second:.3g} {unit}"
