# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The brokerops.messaging authors

from __future__ import annotations

import subprocess
import time
from pathlib import Path

from tests.bench.interpreter import Interpreter


def run(interpreter: Interpreter, script: Path, code: str) -> int:
    script.write_text(code)
    return subprocess.run([str(interpreter.path), str(script)], check=False).returncode


def test_it_passes_the_exit_code_on_and_notes_when_the_module_ended(tmp_path: Path) -> None:
    interpreter = Interpreter(tmp_path)
    before = time.time()
    assert run(interpreter, tmp_path / "module", "raise SystemExit(3)") == 3
    (ended,) = interpreter.taken()
    assert ended.module.endswith("module")
    assert before <= ended.ended <= time.time()
    assert interpreter.taken() == []


def test_it_counts_the_memory_of_the_module(tmp_path: Path) -> None:
    interpreter = Interpreter(tmp_path)
    run(interpreter, tmp_path / "small", "")
    run(interpreter, tmp_path / "large", "bytearray(b'x') * 60_000_000")
    small, large = interpreter.taken()
    assert large.memory - small.memory > 50_000_000
