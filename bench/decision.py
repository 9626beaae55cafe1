"""Five rules for one client of ten thousand: the decision alone, beside a bare dictionary and beside the peers."""

from __future__ import annotations

from contextlib import ExitStack
from importlib.metadata import version
from shutil import which
from typing import Final

from bench.contestant import in_python, started
from bench.rounds import in_turns
from bench.rows import Row
from bench.rules import LIMITS

BAR: Final = 2.5
FLOOR: Final = "a bare dictionary of five counters"
STOCKADE: Final = "Stockade, memory store, sliding windows"
RACK_ATTACK: Final = "Ruby rack-attack, ActiveSupport MemoryStore"
MODULES: Final = {FLOOR: "dictionary", STOCKADE: "stockade"}
PEERS: Final = {
    "pyrate_limiter": ("pyrate", "one log a client"),
    "limits": ("limits_fixed", "fixed windows"),
    "throttled_py": ("throttled_fixed", "fixed windows"),
    "limits ": ("limits_sliding", "sliding windows"),
    "slowapi": ("slowapi_asgi", "ASGI middleware, above the bare application"),
    "django_ratelimit": ("django_locmem", "local-memory cache, above the bare view"),
}


def rows(*, clients: int, rounds: int) -> list[Row]:
    """The best round of each; the ratios are to the dictionary."""
    best = {name: min(found) for name, found in measured(clients, rounds).items()}
    floor, ours = best.pop(FLOOR), best.pop(STOCKADE)
    fastest = min(best, key=lambda name: best[name])
    return [
        Row(FLOOR, "", f"{floor:.2f} µs", 1.0, None, "the floor: no bound, no ban, no answer"),
        Row(STOCKADE, f"≤ {BAR} × the dictionary", f"{ours:.2f} µs", ours / floor, ours <= BAR * floor),
        Row(
            "Stockade and its fastest peer",
            "faster than every peer",
            f"{best[fastest] / ours:.1f} times as fast as {fastest}",
            passes=ours < best[fastest],
        ),
        *[Row(name, "", f"{figure:.1f} µs", figure / floor) for name, figure in sorted(best.items(), key=_figure)],
    ]


def _figure(item: tuple[str, float]) -> float:
    return item[1]


def measured(clients: int, rounds: int) -> dict[str, list[float]]:
    """Microseconds a decision, round by round, each contestant in a process of its own."""
    commands = {name: in_python(f"bench.peers.{module}", clients) for name, module in MODULES.items()}
    for package, (module, how) in PEERS.items():
        name = f"{package.strip().replace('_', '-')} {version(package.strip())}, {how}"
        commands[name] = in_python(f"bench.peers.{module}", clients)
    commands[RACK_ATTACK] = rack_attack(clients)
    with ExitStack() as stack:
        running = {name: stack.enter_context(started(*argv)) for name, argv in commands.items()}
        return in_turns({name: contestant.round for name, contestant in running.items()}, rounds)


def rack_attack(clients: int) -> tuple[str, ...]:
    """The command line of the contestant in Ruby."""
    if which("ruby") is None:
        raise RuntimeError("ruby is not installed: run `make bench`, or `apt-get install ruby-rack-attack`")
    limits = [f"{limit}/{period}" for period, limit in LIMITS.items()]
    return ("ruby", "bench/ruby/rack_attack.rb", str(clients), *limits)
