from __future__ import annotations

import subprocess
import sys


def test_tables_need_no_model_code() -> None:
    program = (
        "import sys\n"
        "from ink.reporting import compare, forgetting, gains, table1, table2, table3, table5\n"
        "print(*sorted({'torch', 'fairseq', 'faiss', 'mlflow', 'snakemake'} & set(sys.modules)))\n"
    )
    result = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert result.stdout.strip() == ""
