import base64
import gzip
import json

import numpy as np
import pandas as pd
import pytest

from optiscope.report.page.pack import Numbers, packed_json, rounded


def unpacked(text):
    planes = np.frombuffer(gzip.decompress(base64.b64decode(text)), np.uint8)
    return np.ascontiguousarray(planes.reshape(8, -1).T).view("<f8").ravel()


def test_numbers_come_back_to_six_digits_and_what_is_no_number_comes_back_itself():
    given = np.array([0.1, 1 / 3, -7.25, 1e-300, 1.7e308, 0.0, np.inf, -np.inf, np.nan, 49_999.0])
    numbers = Numbers()
    assert numbers.add([5.0, 6.0]) == {"at": 0, "n": 2}
    assert numbers.add(given) == {"at": 2, "n": 10}
    back = unpacked(numbers.text())
    assert back[:2].tolist() == [5.0, 6.0]
    assert back[2:] == pytest.approx(given, rel=1e-6, abs=0, nan_ok=True)
    assert back[-1] == 49_999.0


def test_the_largest_number_does_not_become_infinite():
    assert np.isfinite(rounded(np.finfo(float).max))


def test_a_frame_keeps_each_text_once():
    numbers = Numbers()
    frame = pd.DataFrame(
        {"who": ["Adam", "SGD", "Adam", None], "lr": [1.0, np.nan, 2.0, 3.0], "on": [True, False, True, True]}
    )
    held = numbers.frame(frame)
    assert held["n"] == 4
    assert held["columns"]["who"]["texts"] == ["Adam", "SGD", ""]
    back = unpacked(numbers.text())
    codes, lr = held["columns"]["who"]["codes"], held["columns"]["lr"]
    assert back[codes["at"] : codes["at"] + 4].tolist() == [0, 1, 0, 2]
    assert back[lr["at"] : lr["at"] + 4] == pytest.approx([1, np.nan, 2, 3], nan_ok=True)


def test_packed_text_has_nothing_that_html_could_read():
    text = packed_json({"name": "</script><script>alert(1)</script>"})
    assert not set(text) & set("<>&\"'")
    assert json.loads(gzip.decompress(base64.b64decode(text)))["name"].startswith("</script>")


def test_the_same_content_makes_the_same_text():
    assert packed_json([1, "a"]) == packed_json([1, "a"])
