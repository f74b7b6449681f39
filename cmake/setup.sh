# Sourced by ./quickstart and ./test: named and timed steps, and the Debian packages that each of them needs.

program_packages=(
  g++ cmake ninja-build ccache pkg-config
  libopenmpi-dev openmpi-bin libhdf5-dev libtomlplusplus-dev librandom123-dev libcli11-dev libfmt-dev nlohmann-json3-dev
  libmuparser-dev libeigen3-dev libboost-dev libnlopt-dev
)
reader_packages=(python3 python3-numpy python3-xarray python3-h5netcdf python3-h5py python3-matplotlib)
test_packages=(libgtest-dev libgmock-dev python3-netcdf4 python3-pytest)
ci_packages=(jupyter-nbconvert python3-ipykernel slurmctld slurmd slurm-client munge zsh mandoc valgrind)   # for the tests labelled ci

step_name="starting" step_began=$SECONDS

step() {  # step NAME: the step before it ends here
  step_end
  step_name=$1 step_began=$SECONDS
  echo "==> $1"
}
step_end() { [ "$step_name" = starting ] || echo "    ($step_name: $((SECONDS - step_began)) s)"; }

fail() {
  echo "$(basename "$0"): failed while $step_name: $*" >&2
  exit 1
}
trap 'code=$?; echo "$(basename "$0"): failed while $step_name (exit code $code)" >&2; exit $code' ERR

as_root() {
  if [ "$(id -u)" -eq 0 ]; then "$@"
  elif command -v sudo >/dev/null; then sudo "$@"
  else fail "not root and no sudo; run this as root: $*"
  fi
}

# install_missing PACKAGE...: those that are not installed, and only those.
install_missing() {
  if ! command -v dpkg-query >/dev/null; then
    echo "    no Debian packages on this system; going on with what is installed (needed: $*)"
    return
  fi
  local package missing=()
  for package in "$@"; do
    [ "$(dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null)" = installed ] || missing+=("$package")
  done
  if [ ${#missing[@]} -eq 0 ]; then
    echo "    all $# packages are installed"
    return
  fi
  echo "    installing: ${missing[*]}"
  local get=(env DEBIAN_FRONTEND=noninteractive apt-get -qq -o DPkg::Lock::Timeout=300)
  as_root "${get[@]}" update
  as_root "${get[@]}" install -y --no-install-recommends "${missing[@]}" >/dev/null
}

# build PRESET TARGET...: into build/PRESET.
build() {
  local preset=$1
  shift
  cmake --preset "$preset" --log-level=NOTICE >/dev/null
  cmake --build "build/$preset" --target "$@"
}

# Open MPI refuses root, and more ranks than cores, unless told that they are meant.
export OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1 OMPI_MCA_rmaps_base_oversubscribe=1
