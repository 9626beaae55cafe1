"""The reader notices a page that does not tell the truth."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.documents.reader import Reader

TRUE = """
```python
# greeting.py
print("good")
```

And then:

```python
# greeting.py
print("day,", "you")
```

```console
$ export NAME=there
$ python greeting.py && echo $NAME
good
day, …
there
$ seq 5
1
…
5
$ echo localhost:8000
localhost:8000
```

```python
count = 1
```

```python
assert count == 1
```
"""


def test_a_true_page_is_followed(tmp_path: Path) -> None:
    with Reader(tmp_path) as reader:
        reader.follow(TRUE)


@pytest.mark.parametrize(
    ("true", "false"),
    [
        ("day, …", "day, me"),
        ("good\nday", "bad\nday"),
        ("count == 1", "count == 2"),
        ("…\n5", "…\n6"),
        ("day, …\n", ""),
    ],
)
def test_a_false_page_is_noticed(tmp_path: Path, true: str, false: str) -> None:
    assert true in TRUE
    with Reader(tmp_path) as reader, pytest.raises(AssertionError):
        reader.follow(TRUE.replace(true, false))


def test_what_is_not_installed_is_noticed(tmp_path: Path) -> None:
    with Reader(tmp_path) as reader, pytest.raises(Exception, match="No package metadata"):
        reader.follow("```console\n$ pip install ./stockade nothing-of-this-name\n```")
