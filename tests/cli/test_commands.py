"""The command line as a whole: help, version, lists, exit codes, and what a shell sees."""

import re
import subprocess
import sys

import pytest
from cli_study import process

import optiscope as osc
from optiscope.cli import exit_code, main

pytestmark = pytest.mark.usefixtures("here")


def test_help_waits_for_nothing_heavy(here):
    code = (
        "import sys; from optiscope.cli import exit_code; exit_code(['--help']); print(*sys.modules, file=sys.stderr)"
    )
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True)
    assert "demo" in ran.stdout
    assert not {"torch", "matplotlib", "pandas", "numpy", "pyarrow", "pydantic", "PIL"} & set(ran.stderr.split())


@pytest.mark.parametrize("command", ["demo", "run", "gif", "report", "compact", "list"])
def test_every_command_has_help(command, capsys):
    assert exit_code([command, "--help"]) == exit_code([command, "-h"]) == 0
    assert f"optiscope {command}" in capsys.readouterr().out


def test_without_a_command_there_is_help(capsys):
    assert exit_code([]) == 0
    assert capsys.readouterr().out.startswith("Usage: optiscope")


@pytest.mark.parametrize("start", [["optiscope.cli"], ["optiscope"]])
def test_version_as_a_module(start):
    ran = subprocess.run([sys.executable, "-m", *start, "--version"], capture_output=True, text=True, timeout=60)
    assert (ran.returncode, ran.stdout) == (0, f"optiscope {osc.__version__}\n")


def test_the_entry_point_exits_with_the_code(capsys):
    with pytest.raises(SystemExit) as caught:
        main(["list", "losses"])
    assert caught.value.code == 0


@pytest.mark.parametrize("catalogue", ["problems", "optimizers", "schedules", "losses"])
def test_list_has_a_line_for_each_entry(catalogue, capsys):
    assert exit_code(["list", catalogue]) == 0
    head, *lines = capsys.readouterr().out.splitlines()
    assert head.startswith("NAME")
    own = [line for line in lines if not line.startswith(" ")]  # a loss takes several lines
    assert [line.split()[0].rstrip(":") for line in own] == list(getattr(osc, catalogue)())


def test_list_stops_quietly_when_its_reader_has_gone():
    writer = subprocess.Popen(process("list", "problems"), stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    writer.stdout.close()
    assert writer.stderr.read() == b""
    assert writer.wait(60) in (0, 120)  # 120: Python itself could not flush
    writer.stderr.close()


def test_from_a_shell_it_is_one_line_too():
    ran = subprocess.run(process("lst"), capture_output=True, text=True, timeout=60)
    assert ran.returncode == 2
    assert re.fullmatch(r"optiscope: No such command 'lst', did you mean 'list'\?.*\n", ran.stderr)
    assert ran.stdout == ""
