# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The brokerops.messaging authors
"""The inventory plugin against a scripted server: hosts, variables, groups, filters, cache, secrets."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from ansible.constants import config
from ansible.errors import AnsibleParserError
from ansible.inventory.data import InventoryData
from ansible.parsing.dataloader import DataLoader
from ansible.plugins.loader import fragment_loader
from ansible.utils.display import Display
from ansible.utils.plugin_docs import get_docstring

from ansible_collections.brokerops.messaging.plugins.inventory import clusters
from ansible_collections.brokerops.messaging.plugins.module_utils._ansible.arguments import (
    connection_arguments,
)
from tests.unit.plugins.scripted import Answer, failure, scripted

NAME = clusters.InventoryModule.NAME
DOCUMENTED: dict[str, Any] = get_docstring(clusters.__file__, fragment_loader)[0]["options"]
TOKEN, PASSWORD = "t0ken-in-clear", "HorseBattery11"
Inventory = Callable[..., InventoryData]


@pytest.fixture
def parse(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Inventory:
    """Parses a file of this name with these options, as Ansible's own loader would set the plugin up."""
    for name in (
        "KUBECONFIG",
        *(f"K8S_AUTH_{part}" for part in ("KUBECONFIG", "CONTEXT", "HOST", "API_KEY")),
    ):
        monkeypatch.delenv(name, raising=False)

    def parse_file(name: str = "shop.brokerops.yml", *, fresh: bool = False, **options: Any) -> InventoryData:
        path = tmp_path / name
        path.write_text(yaml.safe_dump({"plugin": NAME, **options}))
        config.initialize_plugin_configuration_definitions("inventory", NAME, DOCUMENTED)
        plugin = clusters.InventoryModule()
        plugin._load_name = plugin.ansible_name = NAME
        plugin._redirected_names = [NAME]
        inventory = InventoryData()
        plugin.parse(inventory, DataLoader(), str(path), cache=not fresh)
        plugin.update_cache_if_changed() if options.get("cache") else None
        return inventory

    return parse_file


def application(name: str, spec: dict[str, Any], *, ready: str = "True") -> dict[str, Any]:
    condition = {"type": "Ready", "status": ready, "reason": "UpgradeSucceeded", "message": ""}
    status = {"conditions": [condition], "version": "0.0.0+0123456789ab"}
    return {"metadata": {"name": name}, "spec": spec, "status": status}


def listed(*items: dict[str, Any]) -> Answer:
    return Answer(body={"kind": "List", "items": list(items)})


RABBITMQ = listed(
    application("jobs", {"version": "v4.2", "users": {"app": {"password": PASSWORD}}}),
    application("{{ mail }}", {"version": "v4.1"}, ready="False"),
)
ONE: dict[str, Any] = {"kinds": ["rabbitmq"], "namespaces": ["tenant-acme"], "api_key": TOKEN}
JOBS = "cozystack/tenant-acme/rabbitmq/jobs"


def variables(inventory: InventoryData, host: str) -> dict[str, Any]:
    found: dict[str, Any] = inventory.hosts[host].get_vars()
    return found


def test_a_cluster_is_a_host_with_its_options_and_the_connection_without_secrets(parse: Inventory) -> None:
    with scripted(RABBITMQ) as server:
        inventory = parse(host=server.url, **ONE)
    found = variables(inventory, JOBS)
    assert found["ansible_connection"] == "local"
    assert found["ansible_python_interpreter"] == "{{ ansible_playbook_python }}"
    assert [found[f"brokerops_{key}"] for key in ("platform", "namespace", "kind", "name", "health")] == [
        *("cozystack", "tenant-acme", "rabbitmq", "jobs", "ready")
    ]
    assert found["brokerops_options"]["users"] == [{"name": "app"}]
    assert found["brokerops_status"]["ready"] is True
    assert found["brokerops_connection"] == {"host": server.url}
    assert TOKEN not in str(found)
    assert PASSWORD not in str(found)
    assert [one.header("Authorization") for one in server.requests] == [[f"Bearer {TOKEN}"]]


def test_groups_are_kind_tenant_version_chart_and_health(parse: Inventory) -> None:
    with scripted(RABBITMQ) as server:
        inventory = parse(host=server.url, **ONE)
    groups = {name: [host.name for host in group.hosts] for name, group in inventory.groups.items()}
    both = [JOBS, "cozystack/tenant-acme/rabbitmq/{{ mail }}"]
    assert {name: hosts for name, hosts in groups.items() if hosts} == {
        "rabbitmq": both,
        "tenant_acme": both,
        "chart_0_0_0_0123456789ab": both,
        "rabbitmq_v4_2": both[:1],
        "rabbitmq_v4_1": both[1:],
        "health_ready": both[:1],
        "health_not_ready": both[1:],
    }


def test_a_namespace_of_another_name_is_no_tenants_group() -> None:
    cluster = {
        "kind": "kafka",
        "namespace": "kafka",
        "options": {},
        "status": {"chart_version": ""},
        "health": "unknown",
    }
    assert clusters.groups_of(cluster) == ["kafka", "namespace_kafka", "health_unknown"]


def test_constructed_variables_and_groups_are_made_and_a_template_in_a_spec_is_not_run(
    parse: Inventory,
) -> None:
    with scripted(RABBITMQ) as server:
        inventory = parse(
            host=server.url,
            compose={"copy": "brokerops_name ~ ''", "replicas": "brokerops_options.replicas"},
            groups={"many": "brokerops_options.replicas > 2"},
            keyed_groups=[{"prefix": "size", "key": "brokerops_options.size"}],
            strict=True,
            **ONE,
        )
    found = variables(inventory, "cozystack/tenant-acme/rabbitmq/{{ mail }}")
    assert (found["copy"], int(found["replicas"])) == ("{{ mail }}", 3)
    assert len(inventory.groups["many"].hosts) == len(inventory.groups["size_10Gi"].hosts) == 2


def test_strict_makes_a_bad_expression_an_error(parse: Inventory) -> None:
    with scripted(RABBITMQ) as server:
        parse(host=server.url, compose={"copy": "nonsense.here"}, **ONE)
        with pytest.raises(Exception, match="Could not set copy"):
            parse(host=server.url, compose={"copy": "nonsense.here"}, strict=True, **ONE)


@pytest.mark.parametrize(
    ("filters", "names"),
    [
        ([], ["jobs", "{{ mail }}"]),
        (["health == 'ready'"], ["jobs"]),
        (["status.ready"], ["jobs"]),
        (["options.users"], ["jobs"]),
        (["options.version == 'v4.1'", "!(status.ready)"], ["{{ mail }}"]),
        (["options.nothing"], []),
        (["`0`"], ["jobs", "{{ mail }}"]),
    ],
)
def test_only_clusters_for_which_all_filters_are_true_become_hosts(
    parse: Inventory, filters: list[str], names: list[str]
) -> None:
    with scripted(RABBITMQ) as server:
        inventory = parse(host=server.url, filters=filters, **ONE)
    assert [variables(inventory, host)["brokerops_name"] for host in inventory.hosts] == names


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"filters": ["kind =="]}, "filters: no jmespath expression"),
        ({"filters": ["sized(name)"]}, "there is no jmespath function sized()"),
        ({"namespaces": ["../other"]}, "namespaces: '../other' is none"),
        ({"platform": "a/b"}, "'a/b' is no short name"),
        ({"platform": "a:b"}, "'a:b' is no short name"),
        ({"proxy_headers": {"agent": "x"}}, "proxy_headers"),
    ],
)
def test_bad_options_are_refused_before_anything_is_asked(
    parse: Inventory, options: dict[str, Any], words: str
) -> None:
    with scripted(RABBITMQ) as server, pytest.raises(AnsibleParserError) as raised:
        parse(host=server.url, **ONE | options)
    assert words in str(raised.value)
    assert server.requests == []


def test_a_filter_that_does_not_fit_is_an_error_and_no_lost_host(parse: Inventory) -> None:
    with scripted(RABBITMQ) as server, pytest.raises(AnsibleParserError, match=r"filters: .*invalid type"):
        parse(host=server.url, filters=["length(status.ready)"], **ONE)


def test_platform_and_separator_make_the_names(parse: Inventory) -> None:
    with scripted(RABBITMQ) as server:
        inventory = parse(host=server.url, platform="prod", separator=".", **ONE)
    assert "prod.tenant-acme.rabbitmq.jobs" in inventory.hosts


@pytest.mark.parametrize("said", [failure(401), failure(403, "no"), failure(400, "no")])
def test_an_error_of_the_platform_names_the_file(parse: Inventory, said: Answer) -> None:
    with scripted(said) as server, pytest.raises(AnsibleParserError, match=r"shop\.brokerops\.yml: "):
        parse(host=server.url, **ONE)


def test_what_may_not_be_read_is_a_warning(parse: Inventory, monkeypatch: pytest.MonkeyPatch) -> None:
    said: list[str] = []
    monkeypatch.setattr(Display, "warning", lambda _display, text, **_more: said.append(text))
    with scripted(failure(403, "not yours"), RABBITMQ) as server:
        inventory = parse(host=server.url, **ONE | {"namespaces": ["tenant-a", "tenant-b"]})
    assert len(inventory.hosts) == 2
    (warning,) = said
    assert "rabbitmq in tenant-a (not yours" in warning


def cached(folder: Path) -> dict[str, Any]:
    return {
        "cache": True,
        "cache_plugin": "jsonfile",
        "cache_connection": str(folder),
        "cache_timeout": 600,
    }


def test_the_cache_saves_requests_and_holds_no_secret(parse: Inventory, tmp_path: Path) -> None:
    options = ONE | cached(tmp_path / "cache")
    with scripted(RABBITMQ) as server:
        first = parse(host=server.url, **options)
        again = parse(host=server.url, filters=["health == 'ready'"], **options)
        assert len(server.requests) == 1
        parse(host=server.url, fresh=True, **options)
        assert len(server.requests) == 2
    assert list(again.hosts) == [JOBS]
    assert variables(again, JOBS) == variables(first, JOBS)
    (file,) = (tmp_path / "cache").iterdir()
    assert TOKEN not in file.name + file.read_text()
    assert PASSWORD not in file.read_text()
    assert "jobs" in file.read_text()


def test_other_connections_tenants_and_kinds_have_caches_of_their_own(
    parse: Inventory, tmp_path: Path
) -> None:
    options = ONE | cached(tmp_path / "cache")
    with scripted(RABBITMQ) as server:
        for more in (
            {},
            {"impersonate_user": "jo"},
            {"namespaces": ["tenant-b"]},
            {"kinds": ["kafka"]},
            {"context": None, "host": server.url + "/other"},
        ):
            parse(**{"host": server.url} | options | more)
    assert len(server.requests) == 5


def test_values_may_be_templates_and_come_from_the_modules_variables(
    parse: Inventory, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MY_TOKEN", TOKEN)
    with scripted(RABBITMQ) as server:
        monkeypatch.setenv("K8S_AUTH_HOST", server.url)
        parse(**ONE | {"api_key": "{{ lookup('env', 'MY_TOKEN') }}"})
    assert server.requests[0].header("Authorization") == [f"Bearer {TOKEN}"]


def test_what_may_hold_a_secret_is_no_variable() -> None:
    connection = {
        "kubeconfig": {"users": [{"user": {"token": TOKEN}}]},
        "api_key": TOKEN,
        "password": PASSWORD,
        "proxy_headers": {"basic_auth": f"me:{PASSWORD}"},
        "proxy": f"http://me:{PASSWORD}@proxy:3128",
        "username": "me",
        "context": None,
        "validate_certs": False,
    }
    assert clusters.public(connection) == {"username": "me", "validate_certs": False}
    assert clusters.public({"kubeconfig": "~/.kube/config"}) == {"kubeconfig": "~/.kube/config"}


@pytest.mark.parametrize(
    ("name", "taken"),
    [
        ("brokerops.yml", True),
        ("brokerops.yaml", True),
        ("prod.brokerops.yml", True),
        ("prod.eu.brokerops.yaml", True),
        ("hosts.yml", False),
        ("notbrokerops.yml", False),
        ("brokerops.yml.orig", False),
        ("brokerops.ini", False),
    ],
)
def test_files_are_told_by_their_names(tmp_path: Path, name: str, taken: bool) -> None:
    (tmp_path / name).touch()
    assert clusters.InventoryModule().verify_file(str(tmp_path / name)) is taken


def test_a_file_that_is_not_there_is_not_taken(tmp_path: Path) -> None:
    assert clusters.InventoryModule().verify_file(str(tmp_path / "brokerops.yml")) is False


def test_the_connection_options_are_those_of_the_modules() -> None:
    for name, spec in connection_arguments().items():
        option = DOCUMENTED[name]
        assert option["type"] == spec["type"]
        assert option.get("aliases", []) == spec.get("aliases", [])
        variables_of = [entry["name"] for entry in option.get("env", ())]
        assert variables_of == list(spec["fallback"][1] if "fallback" in spec else [])


def test_examples_are_files_that_the_plugin_understands() -> None:
    for document in yaml.safe_load_all(clusters.EXAMPLES):
        assert document["plugin"] == NAME
        assert set(document) <= set(DOCUMENTED)
        assert json.dumps(document)
