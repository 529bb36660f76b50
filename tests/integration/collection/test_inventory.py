# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The brokerops.messaging authors
"""Clusters as hosts, on the real API server: requests, patterns, a change in waves, cache and secrets."""

from __future__ import annotations

import itertools
import json
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from tests.collection_path import ROOT
from tests.integration.collection.plays import AGENT, SECONDS, Place, Run
from tests.integration.lab.applications import Application
from tests.lab import kubeconfig
from tests.lab.audit import WRITES, AuditEntry
from tests.lab.client import wait_for
from tests.lab.tenants import RBAC, Tenant

pytestmark = pytest.mark.lab

SECRET = "HorseBattery11"
EXAMPLES = ROOT / "examples" / "waves"
SMALL: Mapping[str, Any] = {"resourcesPreset": "s1.nano", "replicas": 1}
JOBS = ("a1", "a2", "a3", "a4")


@pytest.fixture(scope="module")
def child(place: Place) -> Iterator[Tenant]:
    """A second tenant of the same people. Six RabbitMQ clusters in both, and one of each other kind."""
    tenant = place.lab.tenant(f"{place.namespace[7:]}-child", brokers=False)
    for level in ("admin", "view"):
        place.lab.api.apply(
            {
                "apiVersion": f"{RBAC}/v1",
                "kind": "RoleBinding",
                "metadata": {"name": f"parent-{level}", "namespace": tenant.namespace},
                "roleRef": {"apiGroup": RBAC, "kind": "ClusterRole", "name": f"cozy:tenant:{level}"},
                "subjects": [{"apiGroup": RBAC, "kind": "Group", "name": f"{place.namespace}-admin"}],
            }
        )
    with place.tenant.api("admin") as api:
        path = "/apis/core.cozystack.io/v1alpha1/tenantnamespaces"
        wait_for("rights", lambda: len(api.items(path)) == 2, timeout=20)
    made = [place.app("rabbitmq", name).create(**SMALL) for name in JOBS]
    made += [Application(place.lab, tenant, "rabbitmq", name).create(**SMALL) for name in ("b1", "b2")]
    users = {"app": {"password": SECRET}}
    made.append(place.app("nats", "events").create(users=users, jetstream={"enabled": False}, external=True))
    made.append(place.app("kafka", "orders").create(topics=[]))
    for app in made:
        app.until_ready()
    yield tenant
    place.lab.remove_tenant(tenant.namespace)


def inventory_file(desk: Path, name: str = "shop.brokerops.yml", **options: Any) -> Path:
    path = desk / name
    path.write_text(json.dumps({"plugin": "brokerops.messaging.clusters", **options}))
    return path


def listed(
    place: Place, desk: Path, file: Path, *arguments: str, **variables: str
) -> tuple[dict[str, Any], str, list[AuditEntry]]:
    """What ansible-inventory makes of the file, what it prints beside, and all requests of it."""
    since = place.mark()
    output = desk / f"listed-{next(_counter)}.json"
    program = str(Path(sys.executable).with_name("ansible-inventory"))
    command = [program, "-i", str(file), "--list", "--output", str(output), *arguments]
    ended = subprocess.run(
        command,
        cwd=desk,
        env=place._environment(desk) | variables,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=SECONDS,
        check=False,
    )
    assert ended.returncode == 0, ended.stdout
    assert "Traceback" not in ended.stdout
    return json.loads(output.read_text()), ended.stdout, place.lab.audit.requests(since, user=AGENT)


_counter = itertools.count(1)


def login(place: Place) -> dict[str, Any]:
    return {"kubeconfig": str(place.tenant.kubeconfig())}


def hosts(found: Mapping[str, Any], group: str) -> set[str]:
    return set(found.get(group, {}).get("hosts", []))


def plain(value: Any) -> Any:
    """A variable without the marks by which ansible-inventory tells that it holds no template."""
    if isinstance(value, dict):
        return value.get("__ansible_unsafe") or {key: plain(item) for key, item in value.items()}
    return [plain(item) for item in value] if isinstance(value, list) else value


def test_every_cluster_is_a_host_and_one_list_for_each_kind_and_tenant_is_asked(
    place: Place, child: Tenant, tmp_path: Path
) -> None:
    found, _printed, requests = listed(place, tmp_path, inventory_file(tmp_path, **login(place)))
    own, other = f"cozystack/{place.namespace}", f"cozystack/{child.namespace}"
    rabbitmq = {*(f"{own}/rabbitmq/{name}" for name in JOBS), f"{other}/rabbitmq/b1", f"{other}/rabbitmq/b2"}
    everyone = rabbitmq | {f"{own}/nats/events", f"{own}/kafka/orders"}
    assert set(found["_meta"]["hostvars"]) == everyone
    assert hosts(found, "rabbitmq") == hosts(found, "rabbitmq_v4_2") == rabbitmq
    assert hosts(found, child.namespace.replace("-", "_")) == {one for one in rabbitmq if "/b" in one}
    assert hosts(found, "health_ready") == everyone
    plurals = ("kafkas", "rabbitmqs", "natses")
    assert sorted((one.verb, one.resource, one.namespace) for one in requests) == sorted(
        [("list", "tenantnamespaces", "")]
        + [("list", plural, tenant) for plural in plurals for tenant in (place.namespace, child.namespace)]
    )


def test_options_of_a_host_can_be_given_to_the_module_of_its_kind(
    place: Place, child: Tenant, tmp_path: Path
) -> None:
    kinds = ["rabbitmq", "nats", "kafka"]
    tasks = [
        {
            "name": kind,
            f"brokerops.messaging.{kind}_cluster": "{{ brokerops_options | combine(where) }}",
            "when": f"brokerops_kind == '{kind}'",
        }
        for kind in kinds
    ]
    ended = play(place, tmp_path, inventory_file(tmp_path, **login(place)), tasks, hosts="all")
    assert "changed=1" not in ended.output
    assert [one.verb for one in ended.requests if one.verb in WRITES] == []


def play(
    place: Place,
    desk: Path,
    file: Path,
    tasks: list[dict[str, Any]],
    *arguments: str,
    hosts: str = "rabbitmq",
) -> Run:
    """Run these tasks for hosts of the inventory."""
    document = {
        "name": "A test",
        "hosts": hosts,
        "gather_facts": False,
        "vars": {"where": {"namespace": "{{ brokerops_namespace }}", "name": "{{ brokerops_name }}"}},
        "module_defaults": {"group/brokerops.messaging.all": "{{ brokerops_connection }}"},
        "tasks": tasks,
    }
    playbook = desk / "play.yml"
    playbook.write_text(json.dumps([document]))
    ended = place.run_file(playbook, arguments=["-i", str(file), *arguments])
    assert ended.status == 0, ended.output
    return ended


@pytest.mark.parametrize(
    ("pattern", "chosen"),
    [
        ("cozystack/{own}/rabbitmq/a1", {"a1"}),
        ("cozystack/{own}/rabbitmq/a1,cozystack/{other}/rabbitmq/b2", {"a1", "b2"}),
        ("cozystack/{other}/*", {"b1", "b2"}),
        ("cozystack/*/rabbitmq/?1", {"a1", "b1"}),
        ("cozystack/{own}/*:!nats:!kafka", set(JOBS)),
        ("rabbitmq:&health_ready:!{own_group}", {"b1", "b2"}),
        ("~.*/rabbitmq/[ab]2$", {"a2", "b2"}),
        ("rabbitmq[0:1]", {"a1", "a2"}),
    ],
)
def test_slashes_in_names_survive_the_patterns_of_limit(
    place: Place, child: Tenant, tmp_path: Path, pattern: str, chosen: set[str]
) -> None:
    own, other = place.namespace, child.namespace
    limit = pattern.format(own=own, other=other, own_group=own.replace("-", "_"))
    file = inventory_file(tmp_path, **login(place))
    tasks = [{"name": "names", "ansible.builtin.debug": {"msg": "chosen={{ brokerops_name }}"}}]
    ended = play(place, tmp_path, file, tasks, "--limit", limit, hosts="all")
    assert {
        name for name in (*JOBS, "b1", "b2", "events", "orders") if f"chosen={name}" in ended.output
    } == chosen


def test_the_example_changes_six_clusters_in_waves_of_two_and_a_second_run_is_free(
    place: Place, child: Tenant
) -> None:
    def waves(*arguments: str) -> list[AuditEntry]:
        since = place.mark()
        ended = place.run_file(
            EXAMPLES / "waves.yml",
            arguments=["-i", str(EXAMPLES / "clusters.brokerops.yml"), *arguments],
            variables={"K8S_AUTH_KUBECONFIG": str(place.tenant.kubeconfig())},
        )
        assert ended.status == 0, ended.output
        assert "Unable to parse" not in ended.output
        return place.lab.audit.requests(since, user=AGENT)

    assert [one for one in waves("--check") if one.verb in WRITES] == []
    changed = waves()
    written = [(one.namespace, one.name) for one in changed if one.verb in WRITES]
    expected = [(place.namespace, name) for name in JOBS] + [(child.namespace, name) for name in ("b1", "b2")]
    assert sorted(written) == sorted(expected), "one write for each cluster"
    for wave, following in itertools.pairwise((0, 2, 4)):
        ended = max(
            at for at, one in enumerate(changed) if (one.namespace, one.name) in expected[wave:following]
        )
        begun = min(
            at
            for at, one in enumerate(changed)
            if (one.namespace, one.name) in expected[following : following + 2]
        )
        assert ended < begun, "a wave is over before the next one begins"
    again = [one for one in waves() if one.resource == "rabbitmqs" and one.name]
    assert sorted((one.verb, one.namespace, one.name) for one in again) == sorted(
        ("get", *one) for one in expected
    )


def test_filters_choose_by_what_is_declared(place: Place, child: Tenant, tmp_path: Path) -> None:
    file = inventory_file(tmp_path, filters=["options.external", "health == 'ready'"], **login(place))
    found, _printed, _requests = listed(place, tmp_path, file)
    assert list(found["_meta"]["hostvars"]) == [f"cozystack/{place.namespace}/nats/events"]


def test_neither_output_nor_cache_holds_a_secret_and_the_cache_asks_nothing(
    place: Place, child: Tenant, tmp_path: Path
) -> None:
    access = kubeconfig.read(place.lab.kubeconfig(place.namespace, "super-admin"))
    assert access.token
    (tmp_path / "ca.crt").write_text(access.authority)
    cache = tmp_path / "cache"
    file = inventory_file(
        tmp_path,
        host=access.server,
        api_key=access.token,
        ca_cert=str(tmp_path / "ca.crt"),
        cache=True,
        cache_plugin="ansible.builtin.jsonfile",
        cache_connection=str(cache),
    )
    first, loud, requests = listed(place, tmp_path, file, "-vvvv")
    assert len(requests) == 4
    again, _printed, requests = listed(place, tmp_path, file)
    assert requests == []
    assert again == first
    since = place.mark()
    nothing: list[dict[str, Any]] = [{"name": "nothing", "ansible.builtin.debug": {"msg": ""}}]
    play(place, tmp_path, file, nothing, "--flush-cache", "--list-hosts")
    assert len(place.lab.audit.requests(since, user=AGENT)) == 4
    (cached,) = [path for path in cache.iterdir() if path.is_file()]
    for secret in (SECRET, access.token):
        assert secret not in loud + json.dumps(first) + cached.name + cached.read_text()
    events = first["_meta"]["hostvars"][f"cozystack/{place.namespace}/nats/events"]
    assert plain(events["brokerops_options"]["users"]) == [{"name": "app"}]
    assert plain(events["brokerops_connection"]) == {
        "host": access.server,
        "ca_cert": str(tmp_path / "ca.crt"),
    }
    assert "events" in cached.read_text()


def test_a_tenant_that_may_not_be_read_is_a_warning_and_hides_nothing(
    place: Place, child: Tenant, tmp_path: Path
) -> None:
    file = inventory_file(tmp_path, namespaces=[child.namespace, "tenant-nobody"], **login(place))
    found, printed, _requests = listed(place, tmp_path, file)
    assert len(found["_meta"]["hostvars"]) == 2
    assert "tenant-nobody" in printed


def test_a_login_that_does_not_work_is_one_line_that_names_the_file(
    place: Place, child: Tenant, tmp_path: Path
) -> None:
    access = kubeconfig.read(place.tenant.kubeconfig())
    (tmp_path / "ca.crt").write_text(access.authority)
    options = {"host": access.server, "api_key": SECRET, "ca_cert": str(tmp_path / "ca.crt")}
    file = inventory_file(tmp_path, **options)
    found, printed, _requests = listed(place, tmp_path, file, "-vvvv")
    assert found["_meta"].get("hostvars", {}) == {}
    told = " ".join(printed.split())
    assert "does not accept these credentials (401)" in told
    assert SECRET not in printed


def test_facts_can_be_cached_in_files_with_the_other_separator(
    place: Place, child: Tenant, tmp_path: Path
) -> None:
    file = inventory_file(tmp_path, separator=".", namespaces=[child.namespace], **login(place))
    playbook = tmp_path / "facts.yml"
    fact = {
        "name": "remember",
        "ansible.builtin.set_fact": {"seen": "{{ brokerops_name }}", "cacheable": True},
    }
    playbook.write_text(
        json.dumps([{"name": "A test", "hosts": "all", "gather_facts": False, "tasks": [fact]}])
    )
    folder = tmp_path / "facts"
    cached = {"ANSIBLE_CACHE_PLUGIN": "jsonfile", "ANSIBLE_CACHE_PLUGIN_CONNECTION": str(folder)}
    ended = place.run_file(playbook, arguments=["-i", str(file)], variables=cached)
    assert ended.status == 0, ended.output
    names = sorted(path.name for path in folder.iterdir())
    assert [name.removeprefix("s1_") for name in names] == [
        f"cozystack.{child.namespace}.rabbitmq.{name}" for name in ("b1", "b2")
    ]
