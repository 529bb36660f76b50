# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The brokerops.messaging authors
"""Tools are built once, whole or not at all, and one that fails does not hide the others."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.lab import build
from tests.lab.build import BuildError, BuildStep


def writes(text: str) -> Callable[[Path, Path], None]:
    def make(target: Path, log: Path) -> None:
        target.write_text(text)

    return make


def test_missing_steps_are_built_and_reported_once(cache_root: Path) -> None:
    step = BuildStep("tool", cache_root / "tools" / "tool-1" / "tool", writes("built"))
    lines: list[str] = []
    build.build([step], lines.append)
    build.build([step], lines.append)
    assert step.product.read_text() == "built"
    assert [line.split()[0] for line in lines] == ["tool"]


def test_half_built_product_is_not_used(cache_root: Path) -> None:
    def breaks(target: Path, log: Path) -> None:
        target.mkdir()
        (target / "half").write_text("")
        raise BuildError("no network")

    good = BuildStep("good", cache_root / "good", writes("x"))
    bad = BuildStep("bad", cache_root / "bad", breaks)
    with pytest.raises(BuildError, match="bad: no network"):
        build.build([bad, good], lambda _: None)
    assert good.product.exists()
    assert build.missing([good, bad]) == [bad]
    # What the failed one left behind is no hindrance.
    build.build([BuildStep("bad", cache_root / "bad", writes("whole"))], lambda _: None)
    assert bad.product.read_text() == "whole"


def test_heavy_steps_run_one_after_another_and_light_ones_beside_them(cache_root: Path) -> None:
    light_ran = threading.Event()
    heavy_at_once: list[int] = []
    running = threading.Semaphore(1)

    def heavy(target: Path, log: Path) -> None:
        alone = running.acquire(blocking=False)
        heavy_at_once.append(1 if alone else 2)
        assert light_ran.wait(10)  # a light step gets its turn while a heavy one runs
        if alone:
            running.release()
        target.write_text("")

    def light(target: Path, log: Path) -> None:
        light_ran.set()
        target.write_text("")

    steps = [BuildStep(f"heavy-{n}", cache_root / f"heavy-{n}", heavy, heavy=True) for n in range(3)]
    build.build([*steps, BuildStep("light", cache_root / "light", light)], lambda _: None)
    assert heavy_at_once == [1, 1, 1]


@pytest.mark.parametrize(
    ("name", "package", "version"),
    [
        ("etcd", "go.etcd.io/etcd/server/v3", "v3.6."),
        ("kube-apiserver", "k8s.io/kubernetes/cmd/kube-apiserver", "v1.35."),
        ("cozystack-api", "github.com/cozystack/cozystack/cmd/cozystack-api", "v1.6."),
        ("rabbitmq-cluster-operator", "github.com/rabbitmq/cluster-operator/v2", "v2.9.0"),
        ("rabbitmq-topology-operator", "github.com/rabbitmq/messaging-topology-operator", "v1.14.2"),
        ("vault", "brokerops.messaging/tests/lab/tools/vault", "v1.14.0"),
    ],
)
def test_version_of_a_go_tool_is_that_of_its_own_module(name: str, package: str, version: str) -> None:
    assert build.go_tool_package(name) == package
    assert build.go_tool_version(name).startswith(version)


@pytest.mark.parametrize("name", sorted(path.parent.name for path in build.TOOLS.glob("*/go.mod")))
def test_every_go_tool_is_pinned_by_sums(name: str) -> None:
    sums = (build.TOOLS / name / "go.sum").read_text()
    assert f"{build.go_tool_version(name)} h1:" in sums


def test_kubebuilder_assets_are_used_instead_of_a_build(
    cache_root: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    for name in ("etcd", "cozystack-api"):
        (tmp_path / name).touch(mode=0o755)
    monkeypatch.setenv("KUBEBUILDER_ASSETS", str(tmp_path))
    assert build.executable("etcd") == tmp_path / "etcd"
    for name in ("kube-apiserver", "cozystack-api"):  # the one is not there, the other is not Kubernetes' own
        with pytest.raises(BuildError, match="is not built"):
            build.executable(name)
    here = [BuildStep(step.name, cache_root / step.name, step.make) for step in build.STEPS[:3]]
    assert [step.name for step in build.missing(here)] == ["kube-apiserver", "cozystack-api"]
