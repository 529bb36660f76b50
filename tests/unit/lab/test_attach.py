# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The brokerops.messaging authors
"""What is said when a cluster cannot be used, and how a cluster finds the way to this machine."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from tests.lab import attach, build, cli, labs
from tests.lab.attach import AttachError
from tests.lab.controlplane import ControlPlane


def program(folder: Path, name: str, answer: int) -> None:
    (folder / name).write_text(f"#!/bin/sh\nexit {answer}\n")
    (folder / name).chmod(0o755)


@pytest.mark.parametrize(
    ("programs", "says"),
    [
        ({}, "docker is not installed"),
        ({"docker": 0}, "kind is not installed"),
        ({"docker": 1, "kind": 0}, "docker does not answer"),
    ],
)
def test_kind_without_a_container_engine_is_one_line_and_exit_1(
    programs: dict[str, int],
    says: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    for name, answer in programs.items():
        program(tmp_path, name, answer)
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(build, "all_steps", list)
    assert cli.main(["up", "--cluster", "kind"]) == 1
    error = capsys.readouterr().err
    assert error.count("\n") == 1
    assert "--cluster kind needs a container engine" in error
    assert says in error
    assert labs.running() == []


def test_existing_without_a_kubeconfig_is_one_line(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(build, "all_steps", list)
    assert cli.main(["up", "--cluster", "existing"]) == 1
    assert (
        capsys.readouterr().err == "lab: lab default did not come up: --cluster existing needs --kubeconfig\n"
    )


def test_existing_with_a_file_that_is_no_kubeconfig_says_which(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("just: text")
    with pytest.raises(AttachError, match="file is no kubeconfig that can be used"):
        attach.take_over(tmp_path / "file", ControlPlane(tmp_path, "127.0.0.1"))


def test_kind_cluster_gets_an_audit_log_whichever_form_kubeadm_takes(tmp_path: Path) -> None:
    node = attach._kind_config(tmp_path)["nodes"][0]
    assert node["extraMounts"][0]["hostPath"] == str(tmp_path)
    patches = [yaml.safe_load(patch) for patch in node["kubeadmConfigPatches"]]
    forms = {patch["apiVersion"]: patch["apiServer"]["extraArgs"] for patch in patches}
    as_map = forms["kubeadm.k8s.io/v1beta3"]
    assert as_map["audit-log-path"].endswith("/audit.log")
    assert {entry["name"]: entry["value"] for entry in forms["kubeadm.k8s.io/v1beta4"]} == as_map


def test_loopback_is_reached_by_a_name_and_anything_else_by_an_endpoint() -> None:
    (by_name,) = attach.service("127.100.255.254", 4443)
    assert by_name["spec"] == {"type": "ExternalName", "externalName": "127.100.255.254"}
    service, slice_ = attach.service("172.18.0.1", 4443)
    assert "selector" not in service["spec"]
    assert service["spec"]["ports"][0]["port"] == 4443
    assert slice_["endpoints"][0]["addresses"] == ["172.18.0.1"]
    assert slice_["metadata"]["labels"]["kubernetes.io/service-name"] == service["metadata"]["name"]


def test_server_on_loopback_without_an_engine_is_a_process_of_this_machine(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert attach.address_for("https://127.0.0.1:6443") == "127.0.0.1"
