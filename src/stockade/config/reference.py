"""The reference of every setting, written from the settings themselves: ``python -m stockade.config.reference``."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import MISSING, Field
from pathlib import Path
from typing import Any, Final

from stockade.config.audit import AuditSettings
from stockade.config.carrying import DetectSettings, SinkTable
from stockade.config.gitlab import GitBasicAuthSettings, GitLabSettings, GitLabThrottle
from stockade.config.oauth import OAuthSettings
from stockade.config.respond import RespondSettings
from stockade.config.rules import (
    Allow2BanSettings,
    BlocklistSettings,
    Fail2BanSettings,
    SafelistSettings,
    ThrottleSettings,
    TrackSettings,
)
from stockade.config.scanning import SecretColumns, SecretsSettings
from stockade.config.search import SearchSettings
from stockade.config.secrets import Url
from stockade.config.settings import (
    AnswersSettings,
    LogSettings,
    NftablesSettings,
    SecurityTxtSettings,
    Settings,
    TextSettings,
)
from stockade.config.tables import KIND, MEANING, SHOWN, is_required, settings_of
from stockade.config.traffic import TrafficSettings
from stockade.config.updates import ApplicationTable, UpdatesSettings
from stockade.config.values import written_duration
from stockade.config.when import QUESTIONS
from stockade.guard.answers import TEXTS

TABLES: Final[tuple[tuple[str, type[Any]], ...]] = (
    ("[[throttle]]", ThrottleSettings),
    ("[[fail2ban]]", Fail2BanSettings),
    ("[[allow2ban]]", Allow2BanSettings),
    ("[[safelist]]", SafelistSettings),
    ("[[blocklist]]", BlocklistSettings),
    ("[[track]]", TrackSettings),
    ("[answers]", AnswersSettings),
    ("[answers.throttle], [answers.ban], [answers.fail2ban], [answers.blocklist], [answers.unjudged]", TextSettings),
    ("[security_txt]", SecurityTxtSettings),
    ("[log]", LogSettings),
    ("[audit]", AuditSettings),
    ("[[audit.sinks]]", SinkTable),
    ("[search]", SearchSettings),
    ("[detect]", DetectSettings),
    ("[traffic]", TrafficSettings),
    ("[oauth]", OAuthSettings),
    ("[respond]", RespondSettings),
    ("[secrets]", SecretsSettings),
    ("[[secrets.database]]", SecretColumns),
    ("[updates]", UpdatesSettings),
    ("[[updates.applications]]", ApplicationTable),
    ("[nftables]", NftablesSettings),
    ("[gitlab]", GitLabSettings),
    ("[gitlab.git_basic_auth]", GitBasicAuthSettings),
    ("[gitlab.throttle_…]", GitLabThrottle),
)

HEAD: Final = """\
# Every setting

A configuration is one TOML file: the one named by `--config` or `$STOCKADE_CONFIG`, else `./stockade.toml`, else
`/etc/stockade/stockade.toml`, else none, and then everything is as said under *default*. A setting that does not exist,
or a value that cannot be, is one error with file, line and the nearest right name. A running server follows the file
within a second; a file that is wrong leaves the former configuration in force, and log, security log and
`stockade check` say so. Changes of {restart} hold after a restart.

Durations are seconds as a number, or `"90s"`, `"5m"`, `"1h30m"`, `"1d"`. Secrets are never written here: a URL holds
`{{env:NAME}}` or `{{file:PATH}}` where its password belongs, as in `redis://:{{file:/run/secrets/redis}}@10.0.0.5/0`.

```toml
listen = "0.0.0.0:8080"
upstream = "http://127.0.0.1:3000"
trusted_proxies = ["10.0.0.0/8"]
operators = ["203.0.113.7"]

[[throttle]]
name = "sign-in"
limit = 10
period = "1m"
when = {{ method = "POST", path = "/users/sign_in" }}

[[allow2ban]]
name = "failed sign-ins"
maxretry = 5
findtime = "10m"
bantime = ["1h", "6h", "1d"]
when = {{ method = "POST", path = "/users/sign_in", status = [401, 422] }}
```
"""


def reference() -> str:
    """The whole page."""
    from stockade.config.settings import NEEDS_RESTART

    restart = ", ".join(f"`{name}`" for name in NEEDS_RESTART)
    parts = [HEAD.format(restart=restart), *_section("At the top", Settings), *_conditions()]
    for title, shape in TABLES:
        parts += _section(title, shape)
    return "\n".join([*parts, *_texts()]) + "\n"


def _section(title: str, shape: type[Any]) -> Iterator[str]:
    yield f"## {title}\n\n{' '.join((shape.__doc__ or '').split())}\n"
    yield "| setting | takes | default | meaning |\n|---|---|---|---|"
    for found in settings_of(shape):
        if found.metadata[MEANING]:
            takes, meaning = _cell(found.metadata[KIND].said), _cell(found.metadata[MEANING])
            yield f"| `{found.name}` | {takes} | {_default(found)} | {meaning} |"
    yield ""


def _conditions() -> Iterator[str]:
    yield "## Conditions: `when`, `over`, `reset`\n"
    yield "The keys of a condition together mean all of them; a list of values means any of them.\n"
    yield "| key | takes | asks |\n|---|---|---|"
    for name, question in QUESTIONS.items():
        yield f"| `{name}` | {_cell(question.said)} | {_cell(question.meaning)} |"
    yield ""


def _texts() -> Iterator[str]:
    yield "## What refusals say unless told\n"
    yield "| kind | status | text | title |\n|---|---|---|---|"
    for kind, text in TEXTS.items():
        yield f"| `{kind}` | {text.status} | {text.text} | {text.title} |"


def _default(found: Field[Any]) -> str:
    if is_required(found):
        return "must be written"
    if found.metadata[SHOWN]:
        return _cell(str(found.metadata[SHOWN]))
    return _cell(_written(found))


def _written(found: Field[Any]) -> str:
    value = found.default
    if value is MISSING or (hasattr(value, "__dataclass_fields__") and not isinstance(value, Url)):
        return "as there"
    if found.metadata[KIND].said == "duration":
        return f'`"{written_duration(value)}"`'
    if isinstance(value, bool):
        return f"`{str(value).lower()}`"
    if isinstance(value, tuple):
        return "`[" + ", ".join(f'"{each}"' for each in value) + "]`"
    return f'`"{value}"`' if isinstance(value, str) else f"`{value}`"


def _cell(text: str) -> str:
    return text.replace("|", "\\|")


if __name__ == "__main__":
    if len(sys.argv) > 1:
        Path(sys.argv[1]).write_text(reference(), encoding="utf-8")
    else:
        sys.stdout.write(reference())
