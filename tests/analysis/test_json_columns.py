"""What stands in a column of JSON is used only where it is what the column holds."""

from __future__ import annotations

import pandas as pd
import pytest

from edumetrics.analysis.json_columns import decode_columns

# As earlier versions stored it, too.
WHOLE = '{"code": "c", "text": "x", "value": 1, "baseline": null, "points": 2}'


@pytest.mark.parametrize(
    "text", ["{broken", WHOLE, "null", "7", '"text"', "[1]", "[null]", '[{"code": "c"}]', "[[]]"]
)
def test_a_row_of_another_shape_is_left_out(text: str) -> None:
    rows = pd.DataFrame({"student_id": ["A", "B"], "reasons": [f"[{WHOLE}]", text]})
    assert decode_columns("weekly_flags", rows)["student_id"].tolist() == ["A"]


def test_what_a_column_holds_stays() -> None:
    rows = pd.DataFrame({"reasons": ["[]", f"[{WHOLE}]"], "best_step": ["null", None]})
    found = decode_columns("weekly_flags", rows)
    assert [len(records) for records in found["reasons"]] == [0, 1]
    assert found["best_step"].isna().all()
    texts = pd.DataFrame({"examples": ["[]", '["1", "2"]', '[["1"]]']})
    assert decode_columns("data_health", texts)["examples"].tolist() == [[], ["1", "2"]]
