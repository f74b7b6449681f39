# A Spack package of phasegrid. IT HAS NOT BEEN BUILT: it follows Spack's documentation and the list of packages in cmake/setup.sh.
#
#   spack repo add packaging/spack
#   spack install phasegrid
#
# The source is the main branch of the clone that this file lies in.
from pathlib import Path

from spack.package import *


class Phasegrid(CMakePackage):
    """Maps phase transitions of sequence models: one sweep file in, one labelled results file out."""

    git = "file://" + str(Path(__file__).resolve().parents[4])

    license("Apache-2.0")
    version("main", branch="main")

    depends_on("c", type="build")
    depends_on("cxx", type="build")
    conflicts("%gcc@:11", msg="C++20 as in GCC 12 is needed")

    depends_on("cmake@3.25:", type="build")
    depends_on("ninja", type="build")
    depends_on("pkgconfig", type="build")

    depends_on("mpi")
    depends_on("hdf5@1.10.8: +hl")
    depends_on("tomlplusplus")
    depends_on("random123")
    depends_on("cli11@2:")
    depends_on("fmt@9:")
    depends_on("nlohmann-json")
    depends_on("muparser")
    depends_on("eigen@3.4:")
    depends_on("nlopt")
    depends_on("boost@1.74:")   # headers

    generator("ninja")

    def cmake_args(self):
        return [
            self.define("PHASEGRID_CUDA", "OFF"),
            self.define("BUILD_TESTING", False),
            self.define("RANDOM123_INCLUDE_DIR", self.spec["random123"].prefix.include),
        ]
