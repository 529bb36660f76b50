# Copyright (c) 2026 The brokerops.messaging authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which brokers are to hold each partition, and in what portions partitions move there.

The same layout and the same aim give the same targets, and a layout that fulfils an aim is left as it is. A
partition that is on its way counts as being where it goes, so that a run which takes over from one that was
killed plans nothing that contradicts what is under way.
"""

from __future__ import annotations

import collections
import dataclasses
import itertools
import typing as t

from .._engine.fields import Problem

Key = tuple[str, int]
"""A partition: its topic and its number."""
Replicas = tuple[int, ...]
"""Brokers, the preferred leader first."""

_Thing = t.TypeVar("_Thing")


@dataclasses.dataclass(frozen=True, slots=True)
class Placement:
    """Where a partition is or, while it is `moving`, is going to; which of its brokers have all of it; and
    how many have to, so that producers who want that (acks=all) can write."""

    replicas: Replicas
    in_sync: frozenset[int] = frozenset()
    minimum: int = 1
    moving: bool = False


@dataclasses.dataclass(frozen=True, slots=True)
class Layout:
    """The brokers that are there, with their racks, and all partitions of the cluster."""

    brokers: t.Mapping[int, str | None]
    partitions: t.Mapping[Key, Placement]

    def named(self, topics: t.Collection[str] | None) -> list[Key]:
        """The partitions of these topics, or all, in their order."""
        return sorted(key for key in self.partitions if topics is None or key[0] in topics)


@dataclasses.dataclass(frozen=True, slots=True)
class Aim:
    """What is wanted, one of four: replica `lists`, brokers to `empty`, a replication `factor`, or to
    `spread`; the latter three for these `topics`, or for all."""

    lists: t.Mapping[Key, Replicas] = dataclasses.field(default_factory=dict)
    empty: frozenset[int] = frozenset()
    factor: int | None = None
    spread: bool = False
    topics: frozenset[str] | None = None


def targets(layout: Layout, aim: Aim) -> tuple[dict[Key, Replicas], list[Problem]]:
    """The replicas that each partition which the aim is about is to have, also where that changes nothing;
    and everything because of which it cannot work."""
    problems = [*_unknown(layout, aim), *_impossible(layout, aim)]
    if problems:
        return {}, problems
    if aim.lists:
        found = dict(sorted(aim.lists.items()))
    elif aim.factor is not None:
        found = _with_factor(layout, layout.named(aim.topics), aim.factor)
    elif aim.empty:
        found = _without(layout, layout.named(aim.topics), aim.empty)
    else:
        found = _spread(layout, layout.named(aim.topics))
    return found, list(_too_few(layout, found))


def portions(things: t.Sequence[_Thing], size: int) -> list[t.Sequence[_Thing]]:
    """The things in portions of at most that size, in their order."""
    return [things[start : start + size] for start in range(0, len(things), size)]


# -- what cannot work ------------------------------------------------------------------------------------


def _unknown(layout: Layout, aim: Aim) -> t.Iterator[Problem]:
    topics = {topic for topic, _number in layout.partitions}
    for topic in sorted((aim.topics or frozenset()) - topics):
        yield Problem("topics", f"there is no topic {topic!r}")
    holding = set(itertools.chain.from_iterable(one.replicas for one in layout.partitions.values()))
    for broker in sorted(aim.empty - layout.brokers.keys() - holding):
        yield Problem("empty", f"there is no broker {broker}; there are {_listed(layout.brokers)}")
    for key, replicas in sorted(aim.lists.items()):
        placed = layout.partitions.get(key)
        if placed is None:
            there = sum(topic == key[0] for topic, _number in layout.partitions)
            known = (
                f"{key[0]} has the partitions 0 to {there - 1}" if there else f"there is no topic {key[0]!r}"
            )
            yield Problem(_path(key), f"there is no such partition; {known}")
            continue
        missing = set(replicas) - layout.brokers.keys() - set(placed.replicas)
        for broker in sorted(missing):
            yield Problem(_path(key), f"there is no broker {broker}; there are {_listed(layout.brokers)}")


def _impossible(layout: Layout, aim: Aim) -> t.Iterator[Problem]:
    for key, replicas in sorted(aim.lists.items()):
        if len(set(replicas)) < len(replicas):
            yield Problem(_path(key), f"{_listed(replicas)} names a broker twice")
        elif not replicas:
            yield Problem(_path(key), "names no broker; a partition needs at least one")
    if aim.factor is not None and aim.factor > len(layout.brokers):
        yield Problem(
            "replication_factor",
            f"{aim.factor} replicas need as many brokers, and there are {len(layout.brokers)}; "
            "add brokers first",
        )
    staying = layout.brokers.keys() - aim.empty
    crowded: dict[str, int] = {}
    for topic, number in layout.named(aim.topics) if aim.empty else ():
        replicas = layout.partitions[topic, number].replicas
        if aim.empty & set(replicas) and len(replicas) > len(staying | (set(replicas) - aim.empty)):
            crowded[topic] = max(len(replicas), crowded.get(topic, 0))
    for topic, factor in crowded.items():
        yield Problem(
            "empty",
            f"topic {topic} has {factor} replicas, and {_listed(staying) or 'no broker'} would remain; "
            "add brokers, or lower its replication factor first",
        )


def _too_few(layout: Layout, found: t.Mapping[Key, Replicas]) -> t.Iterator[Problem]:
    """Fewer replicas than have to be in sync: producers with acks=all could never write again."""
    told = set()
    for key, replicas in found.items():
        placed = layout.partitions[key]
        if len(replicas) < min(len(placed.replicas), placed.minimum) and key[0] not in told:
            told.add(key[0])
            yield Problem(
                _path(key),
                f"{len(replicas)} is fewer than min.insync.replicas of topic {key[0]} ({placed.minimum}), so "
                "writes with acks=all would stop; keep as many, or lower min.insync.replicas first",
            )


# -- the four aims ---------------------------------------------------------------------------------------


def _without(layout: Layout, keys: t.Sequence[Key], leaving: frozenset[int]) -> dict[Key, Replicas]:
    """Every leaving broker gives its place to the least loaded other one; the order stays."""
    load, found = _load(layout, layout.partitions), {}
    for key in keys:
        replicas = list(layout.partitions[key].replicas)
        for place, broker in enumerate(replicas):
            if broker in leaving:
                replicas[place] = _least_loaded(layout, load, replicas, leaving)
                load[replicas[place]] += 1
        found[key] = tuple(replicas)
    return found


def _with_factor(layout: Layout, keys: t.Sequence[Key], factor: int) -> dict[Key, Replicas]:
    """The least loaded brokers join; those leave first that are behind, and then the most loaded ones. The
    preferred leader stays."""
    load, found = _load(layout, layout.partitions), {}
    for key in keys:
        placed = layout.partitions[key]
        replicas = list(placed.replicas)
        while len(replicas) < factor:
            replicas.append(_least_loaded(layout, load, replicas, frozenset()))
            load[replicas[-1]] += 1
        while len(replicas) > factor:
            gone = max(replicas[1:], key=lambda one: (one not in placed.in_sync, load[one], one))
            replicas.remove(gone)
            load[gone] -= 1
        found[key] = tuple(replicas)
    return found


def _spread(layout: Layout, keys: t.Sequence[Key]) -> dict[Key, Replicas]:
    """As few replicas as possible move until no broker has two more than another, then the preferred leaders
    change places until the same is true of them. What is moving goes on so, if that is possible."""
    resting_first = sorted(keys, key=lambda key: (layout.partitions[key].moving, key))
    lists = {key: list(layout.partitions[key].replicas) for key in resting_first}
    load = _load(layout, keys)
    by_topic: dict[str, collections.Counter[int]] = collections.defaultdict(collections.Counter)
    for (topic, _number), replicas in lists.items():
        by_topic[topic].update(replicas)
    while (move := _evening(layout, lists, load, by_topic)) is not None:
        key, source, destination = move
        lists[key][lists[key].index(source)] = destination
        for counter in (load, by_topic[key[0]]):
            counter[source] -= 1
            counter[destination] += 1
    leading = collections.Counter(dict.fromkeys(layout.brokers, 0))
    leading.update(replicas[0] for replicas in lists.values())
    while (swap := _other_leader(layout, lists, leading)) is not None:
        key, destination = swap
        replicas = lists[key]
        place, source = replicas.index(destination), replicas[0]
        replicas[0], replicas[place] = destination, source
        leading[source] -= 1
        leading[destination] += 1
    return {key: tuple(lists[key]) for key in keys}


def _evening(
    layout: Layout,
    lists: t.Mapping[Key, t.Sequence[int]],
    load: t.Mapping[int, int],
    by_topic: t.Mapping[str, t.Mapping[int, int]],
) -> tuple[Key, int, int] | None:
    """The next move: from a broker to one that has at least two replicas fewer, of the topic that is
    the most uneven between the two."""
    for source, destination in _uneven(layout, load):
        movable = [
            (layout.partitions[key].moving, by_topic[key[0]][destination] - by_topic[key[0]][source], key)
            for key, replicas in lists.items()
            if source in replicas
            and destination not in replicas
            and not _loses_rack(layout, replicas, source, destination)
        ]
        if movable:
            return min(movable)[-1], source, destination
    return None


def _other_leader(
    layout: Layout, lists: t.Mapping[Key, t.Sequence[int]], leading: t.Mapping[int, int]
) -> tuple[Key, int] | None:
    for source, destination in _uneven(layout, leading):
        for key, replicas in lists.items():
            if replicas[0] == source and destination in replicas:
                return key, destination
    return None


def _uneven(layout: Layout, count: t.Mapping[int, int]) -> t.Iterator[tuple[int, int]]:
    """Pairs of brokers of which the first has at least two more than the second, the most uneven first."""
    by_count = sorted(layout.brokers, key=lambda one: (count[one], one))
    pairs = itertools.product(reversed(by_count), by_count)
    uneven = [(one, other) for one, other in pairs if count[one] - count[other] > 1]
    yield from sorted(uneven, key=lambda pair: (count[pair[1]] - count[pair[0]], pair))


def _least_loaded(
    layout: Layout, load: t.Mapping[int, int], taken: t.Collection[int], leaving: frozenset[int]
) -> int:
    """The broker to join those that are `taken`: of a rack that none of them is in, if there is one."""
    staying = [one for one in taken if one not in leaving]
    racks = {layout.brokers[one] for one in staying if one in layout.brokers} - {None}
    free = [one for one in layout.brokers if one not in taken and one not in leaving]
    return min(free, key=lambda one: (layout.brokers[one] in racks, load[one], one))


def _loses_rack(layout: Layout, replicas: t.Iterable[int], source: int, destination: int) -> bool:
    racks = [layout.brokers.get(one) for one in replicas if one != source]
    return layout.brokers[destination] in racks and layout.brokers[source] not in (*racks, None)


def _load(layout: Layout, keys: t.Iterable[Key]) -> collections.Counter[int]:
    load = collections.Counter(dict.fromkeys(layout.brokers, 0))
    for key in keys:
        load.update(layout.partitions[key].replicas)
    return load


def _path(key: Key) -> str:
    return f"partitions[{key[0]}-{key[1]}]"


def _listed(brokers: t.Iterable[int]) -> str:
    return ", ".join(str(one) for one in sorted(brokers))
