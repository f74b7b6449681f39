"""Quoted includes, and the homes of third-party headers, must follow the picture of docs/design.md, section 2."""
import pathlib
import re
import sys

ALLOWED = {
    "kernels": {"kernels"},
    "tasks": {"tasks", "kernels"},
    "sweeps": {"sweeps"},
    "worker": {"worker", "sweeps", "tasks", "kernels"},
    "results": {"results", "sweeps"},
    "orchestrator": {"orchestrator", "results", "worker", "sweeps", "tasks", "kernels"},
}
HOMES = {"mpi.h": {"orchestrator"}, "hdf5.h": {"results"}, "hdf5_hl.h": {"results"}, "toml++": {"sweeps"}, "nccl.h": {"worker"}}


def problems(root):
    for folder, allowed in ALLOWED.items():
        for path in sorted((root / folder).rglob("*")):
            if path.suffix not in {".cpp", ".hpp", ".cu"}:
                continue
            for number, line in enumerate(path.read_text().splitlines(), 1):
                if match := re.match(r'\s*#include "([^"/]+)/', line):
                    if match[1] not in allowed:
                        yield f"{path}:{number}: {folder} may not include {match[1]}"
                elif match := re.match(r"\s*#include <([^>]+)>", line):
                    for header, homes in HOMES.items():
                        if match[1].startswith(header) and folder not in homes:
                            yield f"{path}:{number}: {match[1]} belongs to {', '.join(sorted(homes))}"
                elif re.match(r'\s*#include "', line):
                    yield f"{path}:{number}: includes start at the repository root"


found = list(problems(pathlib.Path(sys.argv[1])))
print("\n".join(found) or "all includes point down")
sys.exit(bool(found))
