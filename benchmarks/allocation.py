"""What keeping freed memory saves: CPU seconds of training-like steps with and without it, interleaved.

python benchmarks/allocation.py
"""

from __future__ import annotations

import os
import resource
import subprocess
import sys

import click


def steps(count: int) -> None:
    """Run `count` steps of the size of a small Transformer's batch: 2,500 positions, 8,128 types, d = 256."""
    import torch

    torch.set_num_threads(1)
    torch.manual_seed(0)
    embedding = torch.nn.Embedding(8128, 256)
    wide, narrow = torch.nn.Linear(256, 1024), torch.nn.Linear(1024, 256)
    tokens = torch.randint(0, 8128, (2500,))
    for number in range(count + 3):
        if number == 3:
            start = resource.getrusage(resource.RUSAGE_SELF)
        hidden = embedding(tokens)
        for _ in range(3):
            hidden = hidden + narrow(torch.relu(wide(hidden)))
        log_probs = torch.log_softmax(hidden @ embedding.weight.t(), -1)
        (-log_probs.gather(1, tokens[:, None]).sum()).backward()
    end = resource.getrusage(resource.RUSAGE_SELF)
    print(f"{end.ru_utime - start.ru_utime:.3f} {end.ru_stime - start.ru_stime:.3f}")


@click.command()
@click.option("--repeats", default=3, show_default=True)
@click.option("--count", default=15, show_default=True, help="Steps a repeat.")
@click.option("--child", type=click.Choice(["kept", "returned"]), hidden=True)
def main(repeats: int, count: int, child: str | None) -> None:
    """Compare user and system seconds with freed memory kept and returned."""
    if child is not None:
        from ink.cli.threads import keep_freed_memory

        if child == "kept":
            keep_freed_memory()
        steps(count)
        return
    for repeat in range(1, repeats + 1):
        for way in ("returned", "kept"):
            command = [sys.executable, __file__, "--count", str(count), "--child", way]
            environment = {**os.environ, "OMP_NUM_THREADS": "1"}
            found = subprocess.run(command, env=environment, check=True, capture_output=True, text=True).stdout.split()
            print(f"repeat {repeat}, freed memory {way}: user {found[0]} s, system {found[1]} s", flush=True)


if __name__ == "__main__":
    main()
