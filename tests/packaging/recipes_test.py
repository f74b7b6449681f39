"""The Spack package and the container, which are not built here, name everything that the program is built from and needs to run."""
import os
import pathlib
import re
import shutil
import subprocess

import pytest

PROGRAM = os.environ["PHASEGRID_BINARY"]
ROOT = pathlib.Path(__file__).resolve().parents[2]

# Where Spack has another name than CMake; None: it comes with the compiler, or is for tests.
SPACK_NAMES = {"hdf5": "hdf5", "nlohmann_json": "nlohmann-json", "eigen3": "eigen", "pkgconfig": "pkgconfig", "threads": None, "gtest": None}


def test_the_spack_package_depends_on_what_cmake_looks_for():
    cmake = (ROOT / "CMakeLists.txt").read_text()
    wanted = re.findall(r"find_package\((\w+)|pkg_check_modules\((\w+)|find_path\((\w+)_INCLUDE_DIR", cmake)
    names = [SPACK_NAMES.get(name.lower(), name.lower()) for names in wanted for name in names if name]
    assert len(names) > 8
    package = (ROOT / "packaging/spack/packages/phasegrid/package.py").read_text()
    given = re.findall(r'depends_on\("([\w-]+)', package)
    assert [name for name in names if name and name not in given] == []


def test_the_container_installs_the_libraries_that_the_program_is_linked_with():
    if not (shutil.which("dpkg-query") and shutil.which("ldd")):
        pytest.skip("not a Debian system")
    linked = dict(re.findall(r"(\S+) => (/\S+)", subprocess.run(["ldd", PROGRAM], capture_output=True, text=True).stdout))
    needed = re.findall(r"NEEDED.*\[(.+)\]", subprocess.run(["readelf", "-d", PROGRAM], capture_output=True, text=True).stdout)
    recipe = (ROOT / "packaging/apptainer/phasegrid.def").read_text()
    final = recipe[recipe.index("Stage: final"):]
    given = set(re.search(r"--no-install-recommends (.+)", final)[1].split())
    with_others = {"libc6", "libstdc++6", "libgcc-s1", "libopenmpi3"}   # of every image; openmpi-bin brings the last one
    missing = set()
    for library in needed:
        path = os.path.realpath(linked.get(library, "/none"))
        owner = subprocess.run(["dpkg-query", "-S", path], capture_output=True, text=True).stdout.split(":")[0]
        if owner and owner not in given | with_others:
            missing.add(owner)
    assert "openmpi-bin" in given and not missing, missing
