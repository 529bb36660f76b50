# Copyright (c) 2026 The brokerops.messaging authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The facts that show only on a cluster that is written to, in the order in which they are looked at.

Each look begins with a cluster that is there and leaves it there. One that makes the release fail takes
that back before it ends.
"""

from __future__ import annotations

import typing as t

from ...._convergence.errors import Conflict, Failure, Rejected, Uncertain
from ...session import JSON_PATCH
from ..adapter import NEUTRAL_KEY
from ..facts import Release
from .cluster import PROBE_KEY, Disposable
from .fact import Fact, Need, Seen, no, unknown, yes


def _created(cluster: Disposable) -> Seen:
    cluster.create(dry_run=True)
    if cluster.comes(lambda: cluster.get() is not None):
        return yes("a POST that asked for a dry run made the cluster")
    cluster.create()
    return no("a POST that asked for a dry run made nothing")


def _created_twice(cluster: Disposable) -> Seen:
    try:
        cluster.create()
    except Failure as error:
        code, message = error.details.get("status"), error.details.get("server_message")
        return (yes if code == 500 and "already exists" in str(message) else no)(f"{code}: {message}")
    return no("accepted")


def _early(cluster: Disposable) -> Seen:
    cluster.comes(lambda: cluster.release().ready == "True", cluster.timeout)
    ready, wanted = cluster.monitor().get("availableReplicas") or 0, cluster.spec["replicas"]
    text = f"{ready} of {wanted} pods were ready when Ready turned True"
    return yes(text) if ready < wanted else no(text)


def _unknown_key(cluster: Disposable) -> Seen:
    cluster.rest()
    shown = cluster.there()["spec"].get(PROBE_KEY)
    return yes(f"{PROBE_KEY} is shown as it was sent") if shown else no(f"{PROBE_KEY} is gone")


def _shown_defaults(cluster: Disposable) -> Seen:
    cluster.rest()
    spec = cluster.there()["spec"]
    return (
        yes("external: false was not sent and is shown")
        if "external" in spec
        else no("external is not shown")
    )


def _frozen(cluster: Disposable) -> Seen:
    before = cluster.rest()
    cluster.patch()
    if not cluster.stirs(before):
        return no("a first patch that changes nothing made no revision, so it stored nothing new")
    return _numbered(before, cluster.after(before), "the first patch, which changed nothing, made revision")


def _numbered(before: Release, after: Release, text: str) -> Seen:
    if after.ready != "True":
        return no(after.message)
    return (yes if after.revision == before.revision + 1 else no)(f"{text} {after.revision}")


def _same_values(cluster: Disposable) -> Seen:
    before = cluster.mark()
    cluster.patch()
    if cluster.stirs(before):
        return no(f"Helm began again: {cluster.release().message}")
    return yes(f"still revision {before.revision} after {cluster.patience:g} s")


def _neutral(cluster: Disposable) -> Seen:
    before = cluster.rest()
    pods = cluster.pods()
    cluster.patch({PROBE_KEY: f"after-v{before.revision}"})
    seen = _numbered(before, cluster.after(before), "made revision")
    if seen.holds and cluster.pods() != pods:
        return no("the pods are other ones now")
    return seen


def _old_ready(cluster: Disposable) -> Seen:
    before = cluster.rest()
    cluster.patch({PROBE_KEY: f"again-after-v{before.revision}"})
    now = cluster.release()
    cluster.after(before)
    if (now.ready, now.revision) == ("True", before.revision):
        return yes(f"the first GET after a PATCH said Ready=True of revision {now.revision}")
    return unknown("the platform was faster than the first GET this time")


def _dry_update(cluster: Disposable) -> Seen:
    cluster.patch({PROBE_KEY: "dry"}, dry_run=True)
    kept = cluster.comes(lambda: cluster.there()["spec"].get(PROBE_KEY) == "dry")
    return (yes if kept else no)(f"a PATCH that asked for a dry run is {'' if kept else 'not '}stored")


def _stale_version(cluster: Disposable) -> Seen:
    cluster.rest()  # or a refusal could be the platform's own write that came between
    version = cluster.there()["metadata"]["resourceVersion"]
    cluster.patch({PROBE_KEY: "newer"})
    try:
        cluster.patch({PROBE_KEY: "stale"}, resourceVersion=version)
    except (Conflict, Uncertain) as error:
        return no(str(error))
    stands = cluster.comes(lambda: cluster.there()["spec"].get(PROBE_KEY) == "stale")
    return yes("it overwrote the newer one") if stands else no("it was accepted and is not stored")


def _failed_test(cluster: Disposable) -> Seen:
    cluster.rest()
    before = cluster.there()["spec"]
    test = {"op": "test", "path": "/spec/external", "value": "neither"}
    add = {"op": "add", "path": f"/spec/{PROBE_KEY}", "value": "although"}
    try:
        cluster.write("PATCH", [test, add], JSON_PATCH)
    except Failure as error:
        code = error.details.get("status")
        if code == 422 and cluster.there()["spec"] == before:
            return yes("422, and spec is as before")
        return no(f"{code}: {error.details.get('server_message')}")
    return no("accepted")


def _empty_map(cluster: Disposable) -> Seen:
    def shows(**keys: t.Any) -> bool:  # reads come from a cache
        return cluster.comes(lambda: keys.items() <= cluster.there()["spec"].items(), cluster.timeout)

    cluster.patch({PROBE_KEY: {"kept": 1}})
    shows(**{PROBE_KEY: {"kept": 1}})
    cluster.patch({PROBE_KEY: {}, NEUTRAL_KEY: "{}"})
    shows(**{NEUTRAL_KEY: "{}"})
    kept = cluster.there()["spec"].get(PROBE_KEY) == {"kept": 1}
    cluster.patch({PROBE_KEY: {"kept": None}, NEUTRAL_KEY: "null"})
    shows(**{NEUTRAL_KEY: "null"})
    removed = cluster.there()["spec"].get(PROBE_KEY) == {}
    cluster.patch({PROBE_KEY: "there"})
    if kept and removed:
        return yes("{} left the key, null took it away")
    return no(
        f"{{}} {'left' if kept else 'took away'} the key, null {'took it away' if removed else 'left it'}"
    )


def _reserved(cluster: Disposable) -> Seen:
    try:
        cluster.patch({"_probe": 1})
    except Rejected as error:
        return (yes if error.details["status"] == 400 else no)(str(error.details["server_message"]))
    cluster.patch({"_probe": None})
    return no("accepted")


def _broken(cluster: Disposable, write: t.Callable[[], None], words: str) -> Seen:
    """What comes of a write that makes the release fail; it is taken back."""
    before = cluster.mark()
    write()
    after = cluster.after(before)
    text = f"{after.reason}: {after.message}"
    cluster.mark()
    return yes(text) if after.ready == "False" and words in after.message else no(text)


def _schema(cluster: Disposable) -> Seen:
    return _broken(cluster, lambda: cluster.patch({"external": "perhaps"}), "don't meet the specifications")


def _retried(cluster: Disposable) -> Seen:
    before = cluster.mark()
    cluster.patch({"external": "perhaps"})
    failed = cluster.after(before)
    again = cluster.comes(
        lambda: (cluster.release().ready, cluster.release().stamp) != ("False", failed.stamp)
    )
    cluster.mark()
    return (yes if again else no)(f"{'' if again else 'not '}tried again within {cluster.patience:g} s")


def _null(cluster: Disposable) -> Seen:
    if "tls" not in cluster.there()["spec"]:
        return unknown("this platform's version of the kind has no tls")

    def put() -> None:
        document = cluster.there()
        document["spec"]["tls"] = None
        cluster.write("PUT", document)

    return _broken(cluster, put, "nil pointer")


def _nested(cluster: Disposable) -> Seen:
    if cluster.ref.kind == "kafka":
        return unknown("a Kafka keeps its resources per component; ask with another kind")
    return _broken(cluster, lambda: cluster.patch({"resources": {"limits": {"cpu": "1"}}}), "")


def _scale_down(cluster: Disposable) -> Seen:
    before = cluster.mark()
    brokers = cluster.spec["kafka"]["replicas"]
    cluster.comes(lambda: cluster.monitor().get("observedReplicas") == brokers, cluster.timeout)
    cluster.patch({"kafka": {"replicas": brokers - 1}})
    after = cluster.after(before)
    shrunk = cluster.comes(lambda: cluster.monitor().get("observedReplicas") != brokers)
    monitor = cluster.monitor()
    cluster.patch({"kafka": {"replicas": brokers}})
    text = (
        f"Ready={after.ready}, {monitor.get('observedReplicas')} brokers, {monitor.get('replicas')} declared"
    )
    return no(text) if shrunk or after.ready != "True" else yes(text)


def _orphaned(cluster: Disposable) -> Seen:
    seen = cluster.orphaning
    if not seen.stayed:
        return no("its pods went with it")
    return yes(f"{seen.pods} pods were still there {cluster.patience:g} s after the cluster was 404")


def _adopted(cluster: Disposable) -> Seen:
    seen = cluster.orphaning
    if not seen.stayed:
        return unknown("nothing was orphaned")
    text = f"{'the same' if seen.adopted else 'other'} pods, revision {seen.after} after {seen.before}"
    return (yes if seen.adopted and seen.after > seen.before else no)(text)


def _dry_delete(cluster: Disposable) -> Seen:
    if cluster.leaving.by_dry_run:
        return yes("a DELETE that asked for a dry run was carried out")
    return no("a DELETE that asked for a dry run deleted nothing")


def _deleted(cluster: Disposable) -> Seen:
    seen = cluster.leaving
    text = f"{seen.answer}, and {len(seen.at_once)} of its objects were there"
    return (yes if seen.answer == "Success" and seen.at_once else no)(text)


def _record_first(cluster: Disposable) -> Seen:
    left = cluster.leaving.without_record
    return (yes if left else no)(f"{len(left)} of its objects were there when the cluster was 404")


def _nothing_left(cluster: Disposable) -> Seen:
    left = cluster.leaving.at_the_end
    return no(f"left behind: {', '.join(left)}") if left else yes("no pod, Service or monitor is left")


FIRST = Fact(
    "api.create.dry_run",
    "A create that asks for a dry run is persisted.",
    "§0 rule 1, §1.2",
    _created,
    Need.CLUSTER,
    "create it by a POST that asks for a dry run, and without if that makes nothing",
)
"""Without this one being asked, the cluster is created in the ordinary way."""

WRITING: tuple[Fact[Disposable], ...] = (
    FIRST,
    Fact(
        "api.create.twice",
        "Creating a name that is there is 500, not 409.",
        "§0 rule 5, §1.3",
        _created_twice,
        Need.CLUSTER,
        "create it once more",
    ),
    Fact(
        "release.early",
        "RabbitMQ turns Ready while its pods still start.",
        "§1.5, §11",
        _early,
        Need.CLUSTER,
        "watch it turn Ready",
        kinds=("rabbitmq",),
    ),
    Fact(
        "api.spec.unknown_key",
        "A key of spec that no chart knows is accepted and stored.",
        "§0 rule 4, §1.3",
        _unknown_key,
        Need.CLUSTER,
        f"declare the unknown key {PROBE_KEY}",
    ),
    Fact(
        "api.get.unsent",
        "GET shows a default that was never sent.",
        "§0 rule 9, §1.4",
        _shown_defaults,
        Need.CLUSTER,
        "read it",
    ),
    Fact(
        "api.patch.freezes",
        "The first patch stores every default, and so makes a revision even if it changes nothing.",
        "§0 rule 9, §1.4",
        _frozen,
        Need.CLUSTER,
        "patch it with nothing",
    ),
    Fact(
        "release.same_values",
        "Nothing makes a revision but other values: neither time nor a write that changes nothing.",
        "§5",
        _same_values,
        Need.CLUSTER,
        "patch it with nothing again",
    ),
    Fact(
        "release.neutral_key",
        "Changing a key that no chart reads makes a revision and leaves the pods alone.",
        "§10",
        _neutral,
        Need.CLUSTER,
        f"change {PROBE_KEY}",
    ),
    Fact(
        "release.old_ready",
        "Right after a write Ready=True is still the earlier revision's.",
        "§0 rule 7, §1.5",
        _old_ready,
        Need.CLUSTER,
        f"change {PROBE_KEY} and read at once",
    ),
    Fact(
        "api.patch.dry_run",
        "A patch that asks for a dry run is persisted.",
        "§0 rule 1, §10",
        _dry_update,
        Need.CLUSTER,
        f"change {PROBE_KEY} by a PATCH that asks for a dry run",
    ),
    Fact(
        "api.resource_version",
        "A write with an old resourceVersion overwrites a newer one: there is no optimistic locking.",
        "§0 rule 6, §1.4",
        _stale_version,
        Need.CLUSTER,
        f"change {PROBE_KEY} with an old resourceVersion",
    ),
    Fact(
        "api.json_patch.test",
        "A JSON Patch whose test fails is 422 and changes nothing.",
        "§1.2, §10",
        _failed_test,
        Need.CLUSTER,
        "send a JSON Patch whose test fails",
    ),
    Fact(
        "api.merge_patch.empty",
        "In a merge patch {} removes nothing and null removes a key.",
        "§0 rule 10",
        _empty_map,
        Need.CLUSTER,
        f"change {PROBE_KEY} to a map and back",
    ),
    Fact(
        "api.spec.reserved",
        "A key of spec that begins with _ is 400.",
        "§1.3",
        _reserved,
        Need.CLUSTER,
        "send a key that begins with _",
    ),
    Fact(
        "release.schema",
        "A wrong type is accepted, and then fails the release in the words that a wait knows as hopeless.",
        "§0 rule 4, §1.3, §10",
        _schema,
        Need.CLUSTER,
        "declare a text where a boolean belongs, which fails its release, and take it back",
    ),
    Fact(
        "release.retried",
        "A failed release is tried again without end.",
        "§0 rule 12",
        _retried,
        Need.CLUSTER,
        "the same again, and wait until it is retried",
    ),
    Fact(
        "release.null",
        "A null stored by PUT takes the chart's default away and breaks its template.",
        "§1.4, §10",
        _null,
        Need.CLUSTER,
        "store null for tls, which fails its release, and take it back",
        kinds=("kafka", "nats"),
    ),
    Fact(
        "release.nested_resources",
        "resources with limits inside fails the release.",
        "§2.0",
        _nested,
        Need.CLUSTER,
        "declare nested resources, which fails its release, and take it back",
        kinds=("rabbitmq", "nats"),
    ),
    Fact(
        "kafka.brokers.shrink",
        "Fewer Kafka brokers are silently not taken away, with Ready True.",
        "§2.1",
        _scale_down,
        Need.CLUSTER,
        "declare one broker less, and take it back",
        kinds=("kafka",),
    ),
    Fact(
        "delete.orphans",
        "A delete after a write that changed nothing removes the record alone, and the pods run on.",
        "§0 rule 2, §1.4",
        _orphaned,
        Need.ORPHANS,
        "delete it at the one moment in which a delete leaves its pods running, and make it again under its "
        "name so that it takes them over; if that fails, pods stay that only the platform's people remove",
    ),
    Fact(
        "delete.adopts",
        "A cluster made again under the name of orphans takes them over, with the next revision.",
        "§1.4",
        _adopted,
        Need.ORPHANS,
        "see whose pods it then has",
    ),
    Fact(
        "api.delete.dry_run",
        "A delete that asks for a dry run is carried out.",
        "§0 rule 1, §1.2",
        _dry_delete,
        Need.CLUSTER,
        "delete it by a DELETE that asks for a dry run, and without if that deletes nothing",
    ),
    Fact(
        "api.delete.at_once",
        "DELETE answers Success while everything still runs.",
        "§1.2",
        _deleted,
        Need.CLUSTER,
        "look right after the answer",
    ),
    Fact(
        "delete.record_first",
        "The cluster is 404 before its pods and Services are gone.",
        "§1.4",
        _record_first,
        Need.CLUSTER,
        "look when it is 404",
    ),
    Fact(
        "delete.complete",
        "A delete that comes after a fresh revision leaves nothing behind.",
        "§1.4",
        _nothing_left,
        Need.CLUSTER,
        "look at the end",
    ),
)


def _cannot(why: str) -> t.Callable[[object], Seen]:
    return lambda _subject: unknown(why)


OUT_OF_REACH: tuple[Fact[object], ...] = (
    Fact(
        "release.finalizer",
        "Every update strips the finalizer from the HelmRelease.",
        "§0 rule 2, §1.4",
        _cannot("no tenant sees a HelmRelease; what comes of it shows in delete.orphans"),
        Need.OTHERS,
    ),
    Fact(
        "release.interrupted",
        "A change waits until the running Helm action has ended, up to its timeout of 10 minutes.",
        "§1.4",
        _cannot("it takes an upgrade that hangs for 10 minutes"),
        Need.OTHERS,
    ),
    Fact(
        "api.caches",
        "Reads come from caches of several servers and may be old.",
        "§0 rule 8",
        _cannot("which server answers cannot be chosen, and most of the time they agree"),
        Need.OTHERS,
    ),
    Fact(
        "brokers.logins",
        "RabbitMQ keeps an old password, NATS a removed user, and NATS users have no JetStream.",
        "§0 rules 13-15, §2.2, §2.3",
        _cannot("it takes logins to a broker, which need not be reachable from here"),
        Need.OTHERS,
    ),
    Fact(
        "brokers.volumes",
        "Smaller volumes and other storage classes are ignored or fail the release.",
        "§0 rules 16, 17 and 20",
        _cannot("no tenant sees volume claims, and a release that fails so takes 10 minutes to say it"),
        Need.OTHERS,
    ),
    Fact(
        "release.leftovers",
        "Two names that become one object name fail the release, and objects of failed revisions stay.",
        "§2.0",
        _cannot("it could leave objects behind that no tenant sees"),
        Need.OTHERS,
    ),
)
