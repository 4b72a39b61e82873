import json

import numpy as np

from acteme.tasks.outcome import Outcome


def test_undefined_values_are_null_in_json():
    made = Outcome(
        metrics={"a": np.float64(0.5), "b": np.nan},
        intervals={"a": (0.25, 0.75), "b": (np.nan, np.nan)},
        per_class={"walk": {"accuracy": np.nan, "clips": 0}},
        confusion=np.array([[1, 0], [2, 3]]),
    )
    assert json.loads(json.dumps(made.to_json(), allow_nan=False)) == {
        "metrics": {"a": 0.5, "b": None},
        "intervals": {"a": [0.25, 0.75], "b": [None, None]},
        "per_class": {"walk": {"accuracy": None, "clips": 0.0}},
        "confusion": [[1, 0], [2, 3]],
    }
    assert Outcome({}).to_json() == {"metrics": {}, "intervals": {}, "per_class": {}, "confusion": None}
