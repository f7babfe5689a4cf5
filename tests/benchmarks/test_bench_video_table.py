from __future__ import annotations

from bench.video_table import video_tables


def test_each_result_of_video_has_its_table_and_the_others_have_none() -> None:
    kinds = {"clean": {"walks": 10, "smalta": 9, "supervision": 8, "ultralytics": 7}}
    lines = {"command": "python -m x", "kinds": kinds, "rivals": {"supervision": "1", "ultralytics": "2"}}
    scores = {"idf1": 0.5, "hota": 0.25, "mota": 0.125, "switches": 3}
    clips = {"people": 12, "number": 20, "seconds": 20.0, "missed": 0.08, "split": 0.03}
    tracking = {"clips": clips, "rivals": {"Other": {}}, "rates": [{"fps": 5, "smalta": scores, "Other": scores}]}
    same = {"kills": 100, "clips": 12, "clips_with_an_equal_log": 11}
    hours = [{"hour": 1, "held_mib": 104.4}, {"hour": 24, "held_mib": 105.5}]

    found = video_tables(
        {"video_lines": lines, "video_tracking": tracking, "video_again": {"same": same, "day": {"hours": hours}}}
    )

    assert video_tables({}) == []
    assert "| clean | 10 | 9 | 8 | 7 |" in found
    assert "| 5 | Other | 0.500 | 0.250 | 0.125 | 3 |" in found
    assert any(
        "11 of 12 logs" in line and "1.1 MiB more memory after hour 24 than after hour 1" in line for line in found
    )
