"""The manual page and the completions say what --help says, and shells and man can read them."""
import os
import pathlib
import shutil
import subprocess
import sys

import pytest

PROGRAM = os.environ["PHASEGRID_BINARY"]
PACKAGING = pathlib.Path(__file__).resolve().parents[2] / "packaging"
PAGES = PACKAGING / "pages"


def run(*command, **more):
    return subprocess.run(command, capture_output=True, text=True, timeout=60, **more)


def complete_in_bash(*words):
    """What bash offers for the last word."""
    script = f'source {PAGES}/phasegrid.bash; COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _phasegrid; printf "%s\\n" "${{COMPREPLY[@]}}"'
    done = run("bash", "-uc", script, "bash", "phasegrid", *words)
    assert done.returncode == 0 and not done.stderr, done.stderr
    return done.stdout.split()


def options_of(verb):
    """From --help, found another way than pages.py does: every word with two dashes at the beginning of a line's entry."""
    lines = run(PROGRAM, verb, "--help").stdout.split("\n")
    entries = [line.split()[0] for line in lines if line.startswith("  -")]
    return {name for entry in entries for name in entry.split(",")}


def verbs():
    lines = run(PROGRAM, "--help").stdout.split("\n")
    after = lines[lines.index("Subcommands:") + 1:]
    return [line.split()[0] for line in after[: after.index("")]]


def test_the_pages_are_what_help_says():
    done = run(sys.executable, PACKAGING / "pages.py", PROGRAM, "--check")
    assert done.returncode == 0, done.stderr


def test_bash_completes_every_verb_and_every_option():
    assert set(verbs()) <= set(complete_in_bash(""))
    assert {"run", "status"} <= set(verbs())
    for verb in verbs():
        assert set(complete_in_bash(verb, "-")) == options_of(verb)


def test_bash_completes_values_and_files(tmp_path):
    assert complete_in_bash("st") == ["status"]
    assert complete_in_bash("apply", "--precision", "float6") == ["float64"]
    (tmp_path / "sweep.toml").touch()
    assert complete_in_bash("run", str(tmp_path / "sw")) == [str(tmp_path / "sweep.toml")]


@pytest.mark.skipif(not shutil.which("zsh"), reason="no zsh here")
def test_zsh_completes_every_option():
    """The real completion system asks _arguments; here a stand-in shows what it would be given."""
    script = f"""
      _arguments() {{ print -rl -- "$@" }}
      _describe() {{ print -rl -- $verbs }}
      compdef() {{ }}
      words=(phasegrid "$@") CURRENT=$(( $# + 1 ))
      source {PAGES}/_phasegrid
    """
    offered = run("zsh", "-fc", script, "zsh", "")
    assert offered.returncode == 0 and not offered.stderr, offered.stderr
    assert {line.split(":")[0] for line in offered.stdout.splitlines()} == set(verbs())
    for verb in verbs():
        offered = run("zsh", "-fc", script, "zsh", verb, "-")
        assert offered.returncode == 0 and not offered.stderr, offered.stderr
        assert {line.split("[")[0].lstrip("*") for line in offered.stdout.splitlines() if line.lstrip("*").startswith("-")} == options_of(verb)


def test_the_manual_page_has_every_verb_and_option_and_no_error():
    text = (PAGES / "phasegrid.1").read_text().replace("\\-", "-")
    for verb in verbs():
        section = text.partition(f".SS phasegrid {verb} ")[2].partition(".SS")[0]
        assert section, f"no section about {verb}"
        for name in options_of(verb) - {"-h", "--help"}:
            assert name in section, f"{verb} {name}"
    if shutil.which("groff"):
        done = run("groff", "-man", "-Tutf8", "-ww", PAGES / "phasegrid.1")
        assert done.returncode == 0 and not done.stderr, done.stderr
