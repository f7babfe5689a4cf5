import numpy as np
from bench.nuclei import scores


def test_objects_are_scored_over_all_pictures_and_counted_by_picture() -> None:
    truths = {
        "a": np.array([[1, 1, 1, 1, 0, 300]], np.uint16),
        "b": np.array([[5, 5, 0, 0, 0, 0]], np.uint16),
    }
    found = {
        "a": np.array([[9, 9, 9, 0, 0, 2]], np.uint16),  # IoU 3/4 and 1
        "b": np.array([[0, 0, 4, 0, 7, 0]], np.uint16),  # two false ones, one missed
    }

    told = scores(truths, found)

    values = {name: line["value"] for name, line in told.items() if isinstance(line, dict)}
    assert (told["pictures"], told["true"], told["found"]) == (2, 3, 4)
    assert values["accuracy_50"] == 0.4  # 2 matched of 3 + 4 - 2
    # 2/5 at 0.5 to 0.75, 1/6 at 0.8 to 0.95
    assert values["mean_accuracy"] == round((6 * 2 / 5 + 4 * 1 / 6) / 10, 4)
    assert values["f1_50"] == round(4 / 7, 4)
    assert values["pq_50"] == 0.5  # 1.75 / 3.5
    assert (values["count_mae"], values["count_bias"]) == (0.5, 0.5)  # errors 0 and 1
    assert told["accuracy_50"]["interval"] == [0.0, 1.0]
