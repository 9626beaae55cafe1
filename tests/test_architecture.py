"""The house holds its shape: who may import whom, what stays pure, how long things grow, and what must not be said."""

from __future__ import annotations

import re
import sys
import tomllib
from collections.abc import Iterator
from graphlib import CycleError, TopologicalSorter
from importlib.metadata import packages_distributions
from statistics import median

import pytest

from tests.source_tree import ROOT, SOURCE, modules, reachable, tracked_files

WORDS = {"actions", "events", "errors", "steps"}
PIPES = {"lines", "nft", "sql"}
ROOMS = {"guard", "directory", "gitlabrb", "audit", "intake", "search", "detect", "review", "host"}
UPSTAIRS = {"respond"}
DOORS = {
    "__main__",
    "config",
    "app",
    "library",
    "securitylog",
    "gateway",
    "cli",
    "nftables",
    "witness",
    "fastapi",
    "flask",
    "django",
}

WORLD = {  # what a decision must not ask: it is handed the time and the facts
    *("os", "socket", "time", "asyncio", "sqlite3", "subprocess", "threading", "multiprocessing", "mmap", "shutil"),
    *("select", "selectors", "ssl", "tempfile", "random", "redis", "sqlalchemy", "aiohttp"),
}
ARITHMETIC = {"socket.AF_INET", "socket.AF_INET6", "socket.inet_pton"}  # of the world by name only
PURE = [
    "stockade.actions",
    "stockade.errors",
    "stockade.events",
    "stockade.audit.absence",
    "stockade.audit.checkpoint",
    "stockade.audit.importance",
    "stockade.audit.keys",
    "stockade.audit.merkle",
    "stockade.audit.note",
    "stockade.audit.proof",
    "stockade.audit.record",
    "stockade.audit.sinks.message",
    "stockade.audit.sinks.policy",
    "stockade.audit.sinks.probing",
    "stockade.audit.sinks.settings",
    "stockade.audit.sinks.signatures",
    "stockade.audit.sinks.telling",
    "stockade.audit.tiles",
    "stockade.audit.witness",
    "stockade.audit.words",
    "stockade.detect.conditions",
    "stockade.detect.correlating",
    "stockade.detect.detector",
    "stockade.detect.examples",
    "stockade.detect.foreign",
    "stockade.detect.memory",
    "stockade.detect.order",
    "stockade.detect.rule",
    "stockade.detect.section",
    "stockade.detect.stories",
    "stockade.detect.values",
    "stockade.detect.view",
    "stockade.detect.windows",
    "stockade.directory.accounts",
    "stockade.directory.factors",
    "stockade.directory.names",
    "stockade.directory.inventory",
    "stockade.directory.ordering",
    "stockade.directory.permissions",
    "stockade.directory.pkce",
    "stockade.directory.powers",
    "stockade.directory.reach",
    "stockade.directory.rotation",
    "stockade.directory.standing",
    "stockade.directory.ticks",
    "stockade.directory.traces",
    "stockade.gateway.securitytxt.document",
    "stockade.gateway.securitytxt.rules",
    "stockade.guard.address",
    "stockade.guard.arithmetic",
    "stockade.guard.conditions",
    "stockade.guard.discriminators",
    "stockade.guard.networks",
    "stockade.guard.paths",
    "stockade.guard.policy",
    "stockade.guard.request",
    "stockade.guard.rules",
    "stockade.host.backups.dated",
    "stockade.host.backups.listed",
    "stockade.host.evidence.artifact",
    "stockade.host.evidence.chain",
    "stockade.host.evidence.manifest",
    "stockade.host.evidence.parcel",
    "stockade.host.evidence.phrase",
    "stockade.host.evidence.shape",
    "stockade.host.evidence.store",
    "stockade.host.evidence.uac",
    "stockade.host.evidence.verify",
    "stockade.host.facts.netfiles",
    "stockade.host.facts.process",
    "stockade.host.facts.procfs",
    "stockade.host.oddity",
    "stockade.host.picture",
    "stockade.host.pictured",
    "stockade.host.restrict.named",
    "stockade.host.restrict.rules",
    "stockade.host.restrict.standing",
    "stockade.host.restrict.words",
    "stockade.host.restrict.written",
    "stockade.host.triage.familiar",
    "stockade.host.triage.kernel",
    "stockade.host.triage.listening",
    "stockade.host.triage.masks",
    "stockade.host.triage.naming",
    "stockade.host.triage.places",
    "stockade.host.triage.preloads",
    "stockade.host.triage.report",
    "stockade.host.triage.running",
    "stockade.host.triage.talking",
    "stockade.host.backups.listed",
    "stockade.host.secrets.assigned",
    "stockade.host.secrets.comparing",
    "stockade.host.secrets.found",
    "stockade.host.secrets.harmless",
    "stockade.host.secrets.keys",
    "stockade.host.secrets.known",
    "stockade.host.secrets.patterns",
    "stockade.host.secrets.scanning",
    "stockade.host.traffic.conversation",
    "stockade.host.traffic.flow",
    "stockade.host.traffic.formats",
    "stockade.host.traffic.formats.pcap",
    "stockade.host.traffic.harmless",
    "stockade.host.traffic.normal",
    "stockade.host.traffic.places",
    "stockade.host.traffic.plot",
    "stockade.host.traffic.signals.beacons",
    "stockade.host.traffic.signals.lasting",
    "stockade.host.traffic.signals.newness",
    "stockade.host.traffic.signals.rarity",
    "stockade.host.traffic.signals.scans",
    "stockade.host.traffic.signals.tunnels",
    "stockade.host.traffic.signals.volume",
    "stockade.host.updates.applications",
    "stockade.host.updates.apt",
    "stockade.host.updates.behind",
    "stockade.host.updates.catalogue",
    "stockade.host.updates.distributed",
    "stockade.host.updates.documents",
    "stockade.host.updates.judging",
    "stockade.host.updates.oddities",
    "stockade.host.updates.planning",
    "stockade.host.updates.restarting",
    "stockade.host.updates.upstream",
    "stockade.host.updates.version",
    "stockade.intake.foreign",
    "stockade.intake.formats",
    "stockade.intake.receivers.frames",
    "stockade.intake.settings",
    "stockade.intake.tables",
    "stockade.intake.taken",
    "stockade.lines.access",
    "stockade.lines.gitea",
    "stockade.lines.gitlab",
    "stockade.lines.sshd",
    "stockade.lines.stamps",
    "stockade.lines.syslog",
    "stockade.respond.acting",
    "stockade.respond.approvals",
    "stockade.respond.gate",
    "stockade.respond.next",
    "stockade.respond.plan",
    "stockade.respond.instance",
    "stockade.respond.machine_score",
    "stockade.respond.moves",
    "stockade.respond.playbooks",
    "stockade.respond.run",
    "stockade.respond.sparing",
    "stockade.respond.standing",
    "stockade.respond.verify",
    "stockade.respond.world",
    "stockade.respond.cacao",
    "stockade.respond.incident",
    "stockade.respond.checklist",
    "stockade.respond.judging",
    "stockade.respond.rebuild",
    "stockade.respond.renewal",
    "stockade.respond.report",
    "stockade.respond.sheet",
    "stockade.respond.stix",
    "stockade.respond.doings",
    "stockade.respond.telling",
    "stockade.respond.unsealed",
    "stockade.respond.written",
    "stockade.review.accounts",
    "stockade.review.numbers",
    "stockade.review.reviewing",
    "stockade.review.sources",
    "stockade.review.whence",
    "stockade.search.expression",
    "stockade.search.fields",
    "stockade.search.formats",
    "stockade.search.match",
    "stockade.search.moments",
    "stockade.search.parse",
    "stockade.search.query",
    "stockade.search.said",
    "stockade.search.scan",
    "stockade.search.stored",
    "stockade.search.terms",
    "stockade.search.timeline",
    "stockade.search.tokens",
    "stockade.steps",
]

NAMES_THAT_SAY_NOTHING = {"utils", "util", "helpers", "helper", "manager", "managers", "base", "core", "common", "misc"}

LONG_FOR_A_REASON: dict[str, str] = {}  # "module:function" -> why it reads better in one piece


def part(module: str) -> str:
    """The first name below the package: the room, door or word that a module belongs to."""
    return module.removeprefix("stockade").removeprefix(".").partition(".")[0]


def imports_between_parts() -> Iterator[tuple[str, str]]:
    """Every import of ours that leaves its own part of the house, as (importing module, imported module)."""
    for module in modules().values():
        for imported in module.imports:
            if part(imported) != part(module.name) and imported.startswith("stockade"):
                yield module.name, imported


def asked_of_the_world(name: str) -> set[str]:
    """What a module imports to read a clock, a file or a socket, or to let something else run."""
    return {asked for asked in modules()[name].imports - ARITHMETIC if asked.partition(".")[0] in WORLD}


def named(pairs: list[tuple[str, str]]) -> str:
    return "\n".join(f"{importing} imports {imported}" for importing, imported in sorted(pairs))


def test_every_part_of_the_house_stands_on_a_known_floor() -> None:
    assert {part(name) for name in modules()} - {""} <= WORDS | PIPES | ROOMS | UPSTAIRS | DOORS


def test_words_import_nothing_of_ours_but_words() -> None:
    wrong = [(a, b) for a, b in imports_between_parts() if part(a) in WORDS and part(b) not in WORDS]
    assert not wrong, named(wrong)


def test_pipes_import_words_and_never_one_another() -> None:
    wrong = [(a, b) for a, b in imports_between_parts() if part(a) in PIPES and part(b) not in WORDS]
    assert not wrong, named(wrong)


def test_rooms_import_words_and_pipes_and_never_one_another_nor_a_door() -> None:
    wrong = [(a, b) for a, b in imports_between_parts() if part(a) in ROOMS and part(b) not in WORDS | PIPES]
    assert not wrong, named(wrong)


def test_upstairs_sees_every_room_and_no_door() -> None:
    wrong = [(a, b) for a, b in imports_between_parts() if part(a) in UPSTAIRS and part(b) not in WORDS | ROOMS]
    assert not wrong, named(wrong)


def test_the_guard_needs_nothing_but_python() -> None:
    allowed = sys.stdlib_module_names | {"stockade"}
    guard = [module for module in modules().values() if part(module.name) == "guard"]
    wrong = [
        (module.name, imported)
        for module in guard
        for imported in module.imports
        if imported.partition(".")[0] not in allowed | ({"redis", "hiredis"} if "redis" in module.name else set())
    ]
    assert not wrong, named(wrong)


def test_the_guard_draws_from_no_pipe_that_needs_more_than_python() -> None:
    guarded = {needed for name in modules() if part(name) == "guard" for needed in reachable(name)}
    assert {part(name) for name in guarded} <= {"", "guard", "lines"} | WORDS


def test_every_library_that_the_source_imports_is_declared() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    asked = [requirement for extra in project["optional-dependencies"].values() for requirement in extra]
    declared = {re.split(r"[^\w-]", requirement)[0] for requirement in asked}
    distributions = packages_distributions()
    wrong = [
        (module.name, imported)
        for module in modules().values()
        for imported in {name.partition(".")[0] for name in module.imports} - sys.stdlib_module_names - {"stockade"}
        if not declared & {name.lower().replace("_", "-") for name in distributions.get(imported, [])}
    ]
    assert not wrong, named(wrong)


@pytest.mark.parametrize("name", PURE)
def test_decisions_ask_nothing_of_the_world(name: str) -> None:
    wrong = [(needed, asked) for needed in reachable(name) for asked in asked_of_the_world(needed)]
    assert not wrong, named(wrong)


def test_no_module_needs_itself() -> None:
    graph = {module.name: module.imports_when_loaded & modules().keys() for module in modules().values()}
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as cycle:
        pytest.fail(" -> ".join(cycle.args[1]))


def test_every_module_is_named_after_what_it_is_for() -> None:
    said = [name for name in modules() if NAMES_THAT_SAY_NOTHING & set(name.replace("_", ".").split("."))]
    assert said == []


def test_functions_are_short() -> None:
    functions = [function for module in modules().values() for function in module.functions]
    long = {function.name: function.lines for function in functions if function.lines > 40}
    assert median(function.lines for function in functions) < 8
    assert long.keys() == LONG_FOR_A_REASON.keys(), long


def test_files_can_be_read_in_one_sitting() -> None:
    sizes = {
        str(path.relative_to(ROOT)): sum(1 for line in path.read_text().splitlines() if line.strip())
        for path in tracked_files()
        if path.suffix == ".py"
    }
    assert {name: lines for name, lines in sizes.items() if lines > 400} == {}


def test_the_tree_names_no_package_registry_and_no_place_on_a_developers_machine() -> None:
    hosts = [("pypi", "org"), ("pythonhosted", "org"), ("deb", "debian", "org"), ("security", "debian", "org")]
    hosts += [("registry", "npmjs", "org"), ("rubygems", "org"), ("crates", "io"), ("proxy", "golang", "org")]
    places = [("", "work", "main"), ("", "work", "shared"), ("", "tmp", "brief"), ("", "root", ""), ("", "opt", "pypi")]
    forbidden = [".".join(host) for host in hosts] + ["/".join(place) for place in places]
    found = [
        f"{path.relative_to(ROOT)} says {text}"
        for path in tracked_files()
        for text in forbidden
        if text.encode() in path.read_bytes()
    ]
    assert not found, "\n".join(found)


def test_what_is_tested_here_is_the_source_of_this_checkout() -> None:
    import stockade

    assert stockade.__file__ == str(SOURCE / "stockade" / "__init__.py")
