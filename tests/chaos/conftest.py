import pytest

from harness import FAKE, Ground


def pytest_addoption(parser):
    parser.addoption("--kills", type=int, default=3, help="kills of each kind of process")
    parser.addoption("--blows", type=int, default=12, help="of the storm, in all")
    parser.addoption("--seeds", type=int, default=3, help="of the storm's sweep; 12 cells each")


@pytest.fixture
def ground(tmp_path):
    made = []

    def make(name="run", **options):
        made.append(Ground(tmp_path / name, **options))
        return made[-1]

    yield make
    for one in made:
        one.clean()


@pytest.fixture
def fake(ground):
    """A run with the worker that misbehaves on request (tests/orchestrator/fake_worker.cpp)."""

    def make(name="run", **variables):
        one = ground(name, program=FAKE)
        marks = one.folder / "marks"
        marks.mkdir()
        one.environment |= {"FAKE_MARKS": str(marks)} | {key: str(value) for key, value in variables.items()}
        return one

    return make


@pytest.fixture(scope="session")
def reference(tmp_path_factory):
    """The bits of an undisturbed run in one process."""
    one = Ground(tmp_path_factory.mktemp("reference") / "run")
    code, said = one.run("--slots", 1)
    assert code == 0, said
    return one.bits()
