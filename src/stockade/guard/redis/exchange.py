"""Lines to every server that is needed, for those who wait."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import partial
from time import monotonic
from typing import Final, TypeVar
from weakref import WeakSet

from stockade.errors import Unavailable
from stockade.guard.redis.faults import Lost, ReplyError, refused
from stockade.guard.redis.greeting import Reply, greet, greet_seed
from stockade.guard.redis.line import Line
from stockade.guard.redis.script import Script
from stockade.guard.redis.topology import Topology, mend
from stockade.guard.redis.upkeep import Program
from stockade.guard.redis.url import Address, Target

T = TypeVar("T")
Encode = Callable[[], bytes]
MAX_IDLE: Final = 64


class Exchange:
    """Idle lines to each server; a thread takes one, or opens one, for as long as it waits."""

    def __init__(self, target: Target, topology: Topology, script: Script, deadline: float) -> None:
        self.deadline = deadline
        self._target = target
        self._topology = topology
        self._script = script
        self._idle: dict[Address, deque[Line]] = {}
        EXCHANGES.add(self)

    def close(self) -> None:
        """Hang up; the next question opens a line again."""
        for lines in list(self._idle.values()):
            self._hang_up(lines)

    @staticmethod
    def _hang_up(lines: deque[Line] | None) -> None:
        with suppress(IndexError):  # another thread took the last one
            while lines:
                lines.pop().close()

    def run(self, program: Program[T], end: float | None = None) -> T:
        """Follow a program to its end; each of its trips may take one deadline, unless all together have an end."""
        replies: list[Reply] = []
        try:
            commands = next(program)
            while True:
                questions = [(key, partial(bytes, command)) for key, command in commands]
                replies = self.tell_all(questions, end or monotonic() + self.deadline)
                commands = program.send(replies)
        except StopIteration as done:
            result: T = done.value
            return result

    def tell_all(self, questions: Sequence[tuple[bytes, Encode]], end: float) -> list[Reply]:
        """Send every question where its key lives before waiting for the first reply."""
        lines: list[Line] = []
        replies: list[Reply] = []
        try:
            for key, encode in questions:
                lines.append(self._post(key, encode, end))
            for line, (key, encode) in zip(lines, questions, strict=True):
                replies.append(self._receive(line, key, encode, end))
        except BaseException:
            self._topology.doubt()
            for line in lines[len(replies) :]:
                line.close()
            raise
        return replies

    def tell(self, key: bytes, encode: Encode, end: float) -> Reply:
        """The reply of whoever holds a key; raises Unavailable."""
        try:
            return self._receive(self._post(key, encode, end), key, encode, end)
        except Unavailable:
            self._topology.doubt()
            raise

    def _post(self, key: bytes, encode: Encode, end: float) -> Line:
        """Send a question where its key lives; answer the line to listen on."""
        line = self._borrow(self._topology.address(key) or self._find(key, end), end)
        try:
            line.send(encode(), end)
        except Lost:
            if not line.reused:
                raise
            return self._post_anew(line.address, encode, end)
        return line

    def _receive(self, line: Line, key: bytes, encode: Encode, end: float) -> Reply:
        """The reply to a question, after whatever an error in its place asks for."""
        try:
            reply = line.receive(end)
        except Lost:
            if not line.reused:
                raise
            line = self._post_anew(line.address, encode, end)
            reply = line.receive(end)
        self._give_back(line)
        return self._mend(line.address, key, encode, reply, end) if type(reply) is ReplyError else reply

    def _post_anew(self, address: Address, encode: Encode, end: float) -> Line:
        """Ask again over a new connection: the idle ones may all have broken while nobody looked."""
        self._hang_up(self._idle.get(address))
        line = self._borrow(address, end)
        line.send(encode(), end)
        return line

    def _mend(self, address: Address, key: bytes, encode: Encode, reply: ReplyError, end: float) -> Reply:
        mending = mend(self._topology, self._script, address, encode, reply)
        try:
            where, commands = next(mending)
            while True:
                line = self._borrow(where or self._find(key, end), end)
                replies = line.ask(commands, end)
                self._give_back(line)
                where, commands = mending.send(replies[-1])
        except StopIteration as done:
            return done.value

    def _borrow(self, address: Address, end: float) -> Line:
        """An idle line, or a new one."""
        idle = self._idle.get(address)
        if idle:
            with suppress(IndexError):  # another thread took the last one
                line = idle.pop()
                line.reused = True
                return line
        line = Line(self._target, address, end, self.deadline)
        line.greet(greet(self._target, address, self._script), end)
        return line

    def _give_back(self, line: Line) -> None:
        idle = self._idle.get(line.address)
        if idle is None:
            idle = self._idle.setdefault(line.address, deque())
        if len(idle) < MAX_IDLE:
            idle.append(line)
        else:
            line.close()

    def _find(self, key: bytes, end: float) -> Address:
        """Ask the seeds, one after the other, who holds a key."""
        topology = self._topology
        seeds = topology.seeds
        failure: Unavailable | None = None
        for place, seed in enumerate(seeds):
            share = monotonic() + (end - monotonic()) / (len(seeds) - place)
            try:
                topology.learn(seed, self._ask_seed(seed, share))
            except Unavailable as error:
                failure = error
                continue
            if topology.seeds is seeds:
                topology.seeds = [*seeds[place:], *seeds[:place]]
            found = topology.address(key)
            if found is not None:
                return found
        raise failure or Unavailable("the servers of Redis are changing places", remedy="Wait a moment.")

    def _ask_seed(self, seed: Address, end: float) -> Reply:
        line = Line(self._target, seed, end, self.deadline)
        line.greet(greet_seed(self._target, seed), end)
        (reply,) = line.ask([self._topology.question], end)
        line.close()
        if isinstance(reply, ReplyError):
            raise refused(seed, reply)
        return reply


EXCHANGES: Final[WeakSet[Exchange]] = WeakSet()


def _leave_lines_to_the_parent() -> None:
    """After a fork: two processes must not talk over one line."""
    for exchange in list(EXCHANGES):
        exchange.close()


os.register_at_fork(after_in_child=_leave_lines_to_the_parent)
