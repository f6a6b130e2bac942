import contextlib
import io
import shutil
from types import SimpleNamespace

import pytest
from cli_study import STUDY

from optiscope.cli import exit_code


@pytest.fixture
def here(tmp_path, monkeypatch):
    """An empty folder with the study's file, as the working folder."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "study.toml").write_text(STUDY)
    return tmp_path


@pytest.fixture(scope="session")
def made(tmp_path_factory):
    """The folder in which the study was run, once for all tests, and what was said."""
    folder = tmp_path_factory.mktemp("made")
    (folder / "study.toml").write_text(STUDY)
    out, err = io.StringIO(), io.StringIO()
    with contextlib.chdir(folder), contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        assert exit_code(["run", "study.toml"]) == 0
    return SimpleNamespace(folder=folder, out=out.getvalue(), err=err.getvalue())


@pytest.fixture
def done(here, made):
    """A copy of its results, as if the study had been run here."""
    shutil.copytree(made.folder / "results", here / "results")
    return here / "results" / "tiny"
