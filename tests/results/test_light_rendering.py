from __future__ import annotations

import subprocess
import sys


def test_tables_and_figures_need_no_model_code_and_no_display() -> None:
    program = (
        "import sys\n"
        "from ink.results import comparison_text, run_comparison\n"
        "from ink.results.tables import controls, forgetting, gains, table1, table2, table3, table4, table5\n"
        "from ink.results.figures import figure3, figure4, training_figure\n"
        "unwanted = {'torch', 'fairseq', 'faiss', 'mlflow', 'snakemake', 'matplotlib.pyplot'}\n"
        "print(*sorted(unwanted & set(sys.modules)))\n"
    )
    result = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert result.stdout.strip() == ""
