"""Several processes with a memory each are noticed, however they were asked for."""

from __future__ import annotations

import logging
from typing import Any

import pytest

from stockade import Guard, GuardMiddleware
from stockade.guard import wsgi
from stockade.guard.workers import workers


@pytest.mark.parametrize(
    ("argv", "environ", "count"),
    [
        (["/opt/app/bin/gunicorn", "-w", "4", "shop:app"], {}, 4),
        (["/opt/app/bin/gunicorn", "-w4", "shop:app"], {}, 4),
        (["gunicorn", "--workers=3", "--bind", ":8000"], {}, 3),
        (["/lib/uvicorn/__main__.py", "shop:app", "--workers", "2"], {}, 2),
        (["uwsgi", "--http", ":8000", "-p", "8"], {}, 8),
        (["fastapi", "run", "--workers", "5"], {}, 5),
        (["gunicorn", "shop:app"], {"GUNICORN_CMD_ARGS": "--workers 6"}, 6),
        (["uvicorn", "shop:app"], {"WEB_CONCURRENCY": "7"}, 7),
        (["uvicorn", "shop:app", "--port", "8000"], {}, 1),
        (["manage.py", "runserver", "-w", "4"], {}, 1),
        (["uvicorn", "shop:app"], {"WEB_CONCURRENCY": "auto"}, 1),
        ([], {}, 1),
    ],
)
def test_the_number_of_processes_is_read_where_it_was_written(
    argv: list[str], environ: dict[str, str], count: int
) -> None:
    assert workers(environ, argv) == count


def test_a_memory_for_each_process_is_warned_about(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("WEB_CONCURRENCY", "4")
    GuardMiddleware(lambda *_: None, Guard())  # type: ignore[arg-type]
    (record,) = caplog.records
    assert (record.name, record.levelno) == ("stockade", logging.WARNING)
    assert "every limit is up to 4 times what it says" in record.message


def test_a_wsgi_server_says_itself_that_it_has_several(caplog: pytest.LogCaptureFixture) -> None:
    def app(_environ: Any, start: Any) -> list[bytes]:
        start("200 OK", [])
        return [b""]

    environ = {"REQUEST_METHOD": "GET", "REMOTE_ADDR": "1.2.3.4", "PATH_INFO": "/", "wsgi.multiprocess": True}
    guarded = wsgi.GuardMiddleware(app, Guard())
    for _ in range(2):
        guarded(dict(environ), lambda *_: None)
    assert len(caplog.records) == 1
