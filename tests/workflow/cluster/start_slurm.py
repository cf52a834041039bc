"""A Slurm of one node on this machine, from Debian's packages, for as long as standard input is open.

    python tests/workflow/cluster/start_slurm.py FOLDER

as root, with slurm-wlm, slurmdbd, munge and mariadb-server installed. It says `ready` when jobs can be submitted, and
ends with Ctrl-D. Everything is written into FOLDER, but for the configuration: srun within a job looks for it in
/etc/slurm alone. It is removed at the end. A machine that has a Slurm already is not touched.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from types import FrameType

CONFIGURATION = Path("/etc/slurm")
FILES = ("slurm.conf", "slurmdbd.conf", "gres.conf")
DAEMONS = ("munged", "slurmdbd", "slurmctld", "slurmd")
PROGRAMS = (*DAEMONS, "mariadbd", "mariadb-install-db", "sacctmgr", "sbatch")
SECONDS = 60.0
PASSWORD = "only-for-this-database"
CORES = 2
MEMORY = 64000  # MB, whatever the machine has: what the profile asks for is booked, and little of it used
GPUS = 1  # of the name alone

# what the plugin needs: accounting, for sacct says how a job ended
SLURM = """\
ClusterName=single
SlurmctldHost={host}(127.0.0.1)
SlurmctldPort={controller}
SlurmdPort={node}
SlurmUser=root
SlurmdUser=root
AuthType=auth/munge
AuthInfo=socket={folder}/munge.socket
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/spool
SlurmctldPidFile={folder}/slurmctld.pid
SlurmdPidFile={folder}/slurmd.pid
SlurmctldLogFile={folder}/slurmctld.log
SlurmdLogFile={folder}/slurmd.log
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
JobAcctGatherType=jobacct_gather/none
AccountingStorageType=accounting_storage/slurmdbd
AccountingStorageHost=127.0.0.1
AccountingStoragePort={database_daemon}
AccountingStoragePass={folder}/munge.socket
AccountingStorageTRES=gres/gpu
SelectType=select/cons_tres
SelectTypeParameters=CR_Core_Memory
SlurmdParameters=config_overrides
ReturnToService=2
KillWait=5
GresTypes=gpu
NodeName={host} NodeAddr=127.0.0.1 CPUs={cores} RealMemory={memory} Gres=gpu:{gpus} State=UNKNOWN
PartitionName=all Nodes=ALL Default=YES MaxTime=INFINITE State=UP
"""
DATABASE = """\
AuthType=auth/munge
AuthInfo=socket={folder}/munge.socket
DbdHost=localhost
DbdPort={database_daemon}
SlurmUser=root
PidFile={folder}/slurmdbd.pid
LogFile={folder}/slurmdbd.log
StorageType=accounting_storage/mysql
StorageHost=127.0.0.1
StoragePort={database}
StorageUser=slurm
StoragePass={password}
StorageLoc=slurm
"""


def hindrance() -> str | None:
    """Return what keeps a Slurm from being started here, if anything."""
    if os.geteuid() != 0:
        return "Slurm is started by root alone"
    missing = [name for name in PROGRAMS if shutil.which(name) is None]
    if missing:
        return f"{', '.join(missing)} missing (apt-get install slurm-wlm slurmdbd munge mariadb-server)"
    there = [str(CONFIGURATION / name) for name in FILES if (CONFIGURATION / name).exists()]
    there += [f"a running {name}" for name in DAEMONS if is_running(name)]
    return f"this machine has a Slurm already: {', '.join(there)}" if there else None


def is_running(name: str) -> bool:
    """Whether any process of this machine has that name."""
    for path in Path("/proc").glob("[0-9]*/comm"):
        with contextlib.suppress(OSError):
            if path.read_text(encoding="utf-8").strip() == name:
                return True
    return False


@contextlib.contextmanager
def running(folder: Path) -> Iterator[None]:
    """Run munged, a database, slurmdbd, slurmctld and slurmd while the block runs; RuntimeError where one fails."""
    folder = folder.resolve()
    folder.mkdir(parents=True, exist_ok=True)
    for name in ("state", "spool"):
        (folder / name).mkdir(exist_ok=True)
    facts = {
        "host": socket.gethostname().partition(".")[0],
        "folder": folder,
        "cores": CORES,
        "memory": MEMORY,
        "gpus": GPUS,
        "password": PASSWORD,
        **dict(zip(("controller", "node", "database_daemon", "database"), free_ports(4), strict=True)),
    }
    contents = {
        "slurm.conf": SLURM.format(**facts),
        "slurmdbd.conf": DATABASE.format(**facts),
        # the file only has to exist: it makes Slurm set CUDA_VISIBLE_DEVICES as for a real one
        "gres.conf": "Name=gpu File=/dev/null\n",
    }
    with contextlib.ExitStack() as stack:
        for name, text in contents.items():
            stack.callback((CONFIGURATION / name).unlink, missing_ok=True)
            write_secret(CONFIGURATION / name, text.encode())
        (CONFIGURATION / "slurm.conf").chmod(0o644)
        write_secret(folder / "munge.key", os.urandom(128))

        def start(*command: str, until: Callable[[], bool]) -> None:
            with (folder / f"{command[0]}.output").open("wb") as output:
                process = subprocess.Popen(command, stdout=output, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL)
            stack.callback(end, process)
            wait_until(until, process, folder)

        start(
            *("munged", "--foreground", "--force", f"--socket={folder}/munge.socket", f"--key-file={folder}/munge.key"),
            *(f"--pid-file={folder}/munged.pid", f"--seed-file={folder}/munge.seed", f"--log-file={folder}/munged.log"),
            until=(folder / "munge.socket").exists,
        )
        data = f"--datadir={folder}/database"
        install = ["mariadb-install-db", "--no-defaults", data, "--user=root", "--skip-test-db"]
        subprocess.run(install, check=True, capture_output=True)
        write_secret(
            folder / "users.sql",
            f"CREATE USER slurm@'%' IDENTIFIED BY '{PASSWORD}';\nGRANT ALL ON slurm.* TO slurm@'%';\n".encode(),
        )
        start(
            *("mariadbd", "--no-defaults", "--user=root", data, f"--socket={folder}/database.socket"),
            *("--bind-address=127.0.0.1", f"--port={facts['database']}", "--skip-name-resolve"),
            *(f"--init-file={folder}/users.sql", f"--pid-file={folder}/mariadbd.pid"),
            until=lambda: answers(int(str(facts["database"]))),
        )
        start("slurmdbd", "-D", until=lambda: succeeds("sacctmgr", "--noheader", "list", "cluster"))
        subprocess.run(["sacctmgr", "--immediate", "add", "cluster", "single"], check=True, capture_output=True)
        start("slurmctld", "-D", "-c", until=lambda: succeeds("scontrol", "ping"))
        start("slurmd", "-D", until=lambda: b"idle" in output_of("sinfo", "--noheader", "--format=%T"))
        yield


def free_ports(count: int) -> list[int]:
    """Return ports on which nobody listens."""
    with contextlib.ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(count)]
        for one in sockets:
            one.bind(("127.0.0.1", 0))
        return [one.getsockname()[1] for one in sockets]


def write_secret(path: Path, content: bytes) -> None:
    """Write a file that its owner alone may read."""
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
        file.write(content)


def end(process: subprocess.Popen[bytes]) -> None:
    """Terminate a process, in the end by force."""
    process.terminate()
    try:
        process.wait(SECONDS / 2)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def wait_until(reached: Callable[[], bool], process: subprocess.Popen[bytes], folder: Path) -> None:
    """Wait for a daemon to be ready; RuntimeError where it ends or takes too long."""
    deadline = time.monotonic() + SECONDS
    while not reached():
        if process.poll() is not None or time.monotonic() > deadline:
            raise RuntimeError(f"{process.args!r} is not ready (exit code {process.returncode}); see {folder}")
        time.sleep(0.2)


def output_of(*command: str) -> bytes:
    """Return what a command prints; nothing where it fails."""
    return subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL).stdout


def succeeds(*command: str) -> bool:
    """Whether a command ends with exit code 0."""
    return subprocess.run(command, capture_output=True).returncode == 0


def answers(port: int) -> bool:
    """Whether somebody listens on a port of this machine."""
    with socket.socket() as one:
        return one.connect_ex(("127.0.0.1", port)) == 0


def main() -> None:
    """Start, say so, and end with standard input."""
    found = hindrance()
    if found is not None or len(sys.argv) != 2:
        sys.exit(found or __doc__)

    def stop(number: int, frame: FrameType | None) -> None:
        sys.exit(128 + number)

    signal.signal(signal.SIGTERM, stop)
    with running(Path(sys.argv[1])), contextlib.suppress(KeyboardInterrupt):
        print("ready", flush=True)
        sys.stdin.read()


if __name__ == "__main__":
    main()
