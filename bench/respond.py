"""How long a plan takes for an account with hundreds of credentials that could reach thousands of secrets, how long its
run, and how long until it is shut out at every door.
"""

from __future__ import annotations

import secrets
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from hashlib import sha256
from pathlib import Path
from typing import Any, Final

from sqlalchemy import Table, create_engine, insert

from bench.rows import Row
from stockade.app import Stockade
from stockade.config import load
from stockade.directory import BuiltinDirectory
from stockade.directory.accounts import AccountKind, Level
from stockade.directory.builtin.schema import keys, runners, tokens, variables, webhooks
from stockade.directory.sealing import Sealing

PLAN_BAR: Final = 2.0
RUN_BAR: Final = 10.0
SHUT_OUT_BAR: Final = 1.0
PLACE: Final = "web/shop"


def rows(*, own: int, reached: int) -> Sequence[Row]:
    """``own`` credentials of the account, and ``reached`` secrets that it could read or replace."""
    with tempfile.TemporaryDirectory() as name:
        config = Path(name) / "stockade.toml"
        config.write_text(f'state = "{name}/state"\n')
        stockade = Stockade(load(config), by="olga")
        fill(stockade, own, reached)
        with stockade.responding() as response:
            drew, state = timed(lambda: response.draw("account", "alice"))
            response.approve(state.digest)
            began = time.time()
            ran, done = timed(lambda: response.run(state.digest))
            looked, (_, found) = timed(lambda: response.verify(state.digest))
    assert not found.lost
    assert len(done.steps) > own + reached
    shut_out = next(each.time for each in done.steps if each.step.verb == "user.block") or 0.0
    by_hand = sum(each.step.by_hand for each in done.steps)
    size = f"{own} credentials, {reached:,} reachable secrets"
    return [
        row(f"a plan: {size}", drew, PLAN_BAR, f"{len(done.steps):,} steps"),
        row("its run", ran, RUN_BAR, f"{len(done.steps) - by_hand:,} steps by API, {by_hand:,} by hand"),
        row("blocked after the start of the run", shut_out - began, SHUT_OUT_BAR),
        Row("every effect looked up again", "", f"{looked:.2f} s", notes=f"{len(found.held):,} effects"),
    ]


def row(title: str, seconds: float, bar: float, notes: str = "") -> Row:
    """What took so many seconds, and may take as many as the bar says."""
    return Row(title, f"≤ {bar:g} s", f"{seconds:.2f} s", seconds / bar, seconds <= bar, notes)


def timed(what: Callable[[], Any]) -> tuple[float, Any]:
    """Seconds that it took, and what came of it."""
    began = time.perf_counter()
    found = what()
    return time.perf_counter() - began, found


def fill(stockade: Stockade, own: int, reached: int) -> None:
    """An account, what it holds and what it could reach: variables, tokens, runners and webhooks of one project."""
    settings = stockade.settings
    settings.state_directory().mkdir(mode=0o700)
    sealing = Sealing.kept_in(settings.sealing_key())
    with BuiltinDirectory(settings.database_url(), sealing=sealing) as directory:
        directory.migrate()
        directory.create_account("root", AccountKind.HUMAN, "a long and winding road", admin=True)
        alice = directory.create_account("alice", AccountKind.HUMAN, "a long and winding road")
        bob = directory.create_account("bob", AccountKind.HUMAN)
        directory.create_repository(PLACE)
        directory.add_member("alice", PLACE, Level.OWNER)
    engine = create_engine(settings.database_url())
    with engine.begin() as sql:
        for table, made in contents(alice.id, bob.id, own, reached):
            sql.execute(insert(table), made)
    engine.dispose()


def contents(alice: int, bob: int, own: int, reached: int) -> Iterator[tuple[Table, list[dict[str, Any]]]]:
    """Rows by table; of what is reached, three in four are variables."""
    made = {"made": time.time() - 90 * 86400}
    token = made | {"scopes": "api", "name": "a token"}
    quarter = reached // 12
    yield tokens, [token | {"account_id": alice, "kind": "personal", "digest": fresh()} for _ in range(own * 4 // 5)]
    yield keys, [made | key(alice) for _ in range(own - own * 4 // 5)]
    yield (
        tokens,
        [token | {"account_id": bob, "kind": "project", "within": PLACE, "digest": fresh()} for _ in range(quarter)],
    )
    yield (
        runners,
        [
            made | {"place": PLACE, "name": "builder", "digest": fresh(), "protected": False, "tags": ""}
            for _ in range(quarter)
        ],
    )
    yield (
        webhooks,
        [
            made | {"place": PLACE, "url": "https://hooks.example/x", "sealed": "x", "events": "push"}
            for _ in range(quarter)
        ],
    )
    plain = made | {"place": PLACE, "environment": "*", "sealed": "x", "changed": made["made"], "masked": True}
    yield (
        variables,
        [
            plain | {"key": f"KEY_{n}", "fingerprint": fresh(), "protected": n % 2 == 0, "hidden": False}
            for n in range(reached - 3 * quarter)
        ],
    )


def fresh() -> str:
    """A digest of nobody's secret."""
    return sha256(secrets.token_bytes(16)).hexdigest()


def key(account: int) -> dict[str, Any]:
    """An SSH key that nobody has the other half of."""
    said = {"kind": "ssh_key", "name": "laptop", "algorithm": "ed25519", "bits": 256, "public": "ssh-ed25519 AAAA"}
    return said | {"account_id": account, "fingerprint": f"SHA256:{fresh()[:43]}", "writes": False}
