# Copyright (c) 2026 The brokerops.messaging authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Ansible's module, made to keep secrets of every shape to itself, and the only place that turns errors
into `fail_json`."""

from __future__ import annotations

import contextlib
import typing as t

from ansible.module_utils.basic import AnsibleModule

from .._convergence.errors import Failure
from .._engine.fields import Problem
from .arguments import Spec
from .result import Result

Options = t.Mapping[str, t.Any]


class Module(AnsibleModule):  # type: ignore[misc]  # Ansible is untyped
    """`secrets` finds the texts among the options that must never be printed; it is asked as soon as there
    are options, so that also a refusal of the argument spec says none of them."""

    def __init__(
        self,
        spec: Spec,
        secrets: t.Callable[[Options], t.Iterable[str]] = lambda _options: (),
        **conditions: t.Any,
    ) -> None:
        self._secrets = secrets
        super().__init__(argument_spec=spec, supports_check_mode=True, **conditions)
        self._hide()

    def log(self, msg: str, log_args: t.Any = None) -> None:
        """Nothing. Ansible would log the options, and look for secrets in their printed form, in which a
        quote, a backslash or the end of a line is escaped, so that such a secret is not found (seen)."""

    def fail_json(self, msg: str, **kwargs: t.Any) -> t.NoReturn:
        """Fail; the argument spec does so before anybody could have looked for secrets."""
        self._hide()
        super().fail_json(msg, **kwargs)
        raise AssertionError("fail_json ends the process")

    def refuse(self, subject: str, problems: t.Sequence[Problem]) -> None:
        """End, if anything is wrong with the options by themselves, with all of it."""
        if problems:
            listed = "; ".join(str(problem) for problem in problems)
            self.fail_json(
                msg=f"{subject}: nothing was sent: {listed}",
                problems=[{"path": problem.path, "text": problem.text} for problem in problems],
            )

    def end(self, subject: str, error: Failure, result: Result) -> t.NoReturn:
        """End with what went wrong, and with what was got to before."""
        text = str(error)
        self.fail_json(
            msg=text if text.startswith(subject) else f"{subject}: {text}", **(result | error.details)
        )

    def _hide(self) -> None:
        with contextlib.suppress(AttributeError, TypeError):  # options of a wrong shape
            for text in self._secrets(self.params):
                self.no_log_values.add(text)


def said(**texts: str | None) -> list[Problem]:
    """Problems by the option that each is about; None is none."""
    return [Problem(option, text) for option, text in texts.items() if text is not None]


def out_of_range(value: float | None, least: float, most: float) -> str | None:
    """What is wrong with a number, if it is given."""
    if value is None or least <= value <= most:
        return None
    return f"{value:g} is not between {least:g} and {most:g}"


def no_time(seconds: int) -> str | None:
    """What is wrong with a time to wait."""
    return None if seconds > 0 else "is no time to wait; write 1 or more seconds"
