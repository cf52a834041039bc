"""The whole of an experiment's settings."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import ConfigDict, Field

from ink.config.history import CURRENT
from ink.config.sections.base_system import BaseModelSource, Datastore, Decoding, Index
from ink.config.sections.measurements import Evaluation, KnnAccuracy, Speed
from ink.config.sections.parallel_text import Data, Text
from ink.config.sections.reductions import Reductions
from ink.config.sections.retrieval_systems import AKnn, CombinerTraining, OwnSystems, RKnn, SkMt, VKnn
from ink.config.sections.search_strategies import SearchStrategies
from ink.config.sections.trained_systems import Adapter, Ink, KnnKd, Training
from ink.config.values import DISTINCT, Cores, Device, Domain, Path, Precision, Section, Seed, Systems, optional

Name = Annotated[
    str, Field(title="a plain folder name of letters, digits, ., _ and -", pattern="^[A-Za-z0-9][A-Za-z0-9._-]*$")
]
Seeds = Annotated[list[Seed], Field(title="a list of different whole numbers", min_length=1), DISTINCT]
Address = Annotated[str, Field(pattern="^https?://[^/]+/.")]
Hash = Annotated[str, Field(pattern="^[0-9a-fA-F]{64}$")]
Image = Annotated[str, Field(pattern="^[^\\s{}'\"]+$")]
Store = Annotated[str, Field(pattern="^(https?://[^/]+|sqlite:///|(postgresql|mysql|mssql)([+][a-z0-9]+)?://).")]


class Threads(Section):
    """CPU cores of one job, by kind of job; of each process where several train together. A job gets no more than the
    machine has. Results on the CPU depend on them in the last digits.
    """

    base_model: Cores = 16
    """Training the base model."""
    datastore: Cores = 16
    """Extracting keys and building the index."""
    training: Cores = 16
    """Adapter and INK."""
    decoding: Cores = 16
    """Beam search and scoring."""


class MLflow(Section):
    """Where runs can be compared. Changes no result and reruns nothing."""

    tracking_uri: Annotated[
        Store | None,
        Field(
            title="null, or a URI that begins with http://, https://, sqlite:///, postgresql://, mysql:// or mssql://"
        ),
    ] = None
    """The MLflow server or database that runs are uploaded to. null takes the environment's MLFLOW_TRACKING_URI, and
    without one ./mlflow.db, which a plain `mlflow ui` shows."""


class Download(Section):
    """An artefact to fetch; {} takes it from where `ink download --list` shows."""

    model_config = ConfigDict(title="{url: ..., path: ..., sha256: ...}")

    url: Annotated[Address | None, Field(title="null, or an address that begins with http:// or https://")] = None
    """A mirror's address of the same file; null takes the one that `ink download --list` shows."""
    path: Path | None = None
    """A copy of the file that is here already, taken in place of the download, seen from the folder in which the
    command runs."""
    sha256: Annotated[Hash | None, Field(title="null, or 64 hexadecimal digits in quotes")] = None
    """The sha256 that the file must have. null checks it against the one that it had when it first came."""


class Downloads(Section):
    """What `ink download` fetches for the experiment into downloads/, by artefact. It may be absent, which is as good
    as {}; most experiments need nothing from elsewhere.
    """

    wmt19_model: Download = optional()
    """The paper's base model, an archive."""
    multi_domain_data: Download = optional()
    """The paper's binarised text, an archive."""
    comet_model: Download = optional()
    """The checkpoint of COMET's model wmt20-comet-da."""
    comet_settings: Download = optional()
    """The settings of that model."""
    comet_encoder_settings: Download = optional()
    """The settings of the encoder inside that model."""
    comet_encoder_tokeniser: Download = optional()
    """The tokeniser of that encoder."""


class Experiment(Section):
    """An experiment's configuration."""

    model_config = ConfigDict(title="an experiment")

    config_version: Annotated[
        int, Field(title=f"a version of at most {CURRENT}, which is what this `ink` writes", ge=1, le=CURRENT)
    ] = optional()
    """Written by the workflow into results/EXPERIMENT/config.yaml, which then has every setting: a setting that is
    newer takes the value of its time, no default. An experiment's own file has none."""
    scale: Literal["mini", "small"] = optional()
    """A set of values under a name, for the scale of model and text, in place of the defaults; what the file says
    goes before. mini: models of 128 dimensions and some thousand sentence pairs a domain, two cores. small: 256
    dimensions and some ten thousand pairs."""
    experiment: Name
    """The experiment's name, and that of its folders in results/ and work/."""
    domains: Annotated[list[Domain], Field(title="a list of different domains", min_length=1), DISTINCT]
    """The columns of Table 2, in this order."""
    systems: Systems = [
        *("off_the_shelf", "knn_kd", "v_knn", "a_knn", "r_knn_without_keys", "r_knn", "adapter", "ink", "ink_r_knn")
    ]
    """The rows of Table 2: systems of the paper (off_the_shelf, knn_kd, v_knn, a_knn, r_knn_without_keys, r_knn,
    adapter, ink, ink_r_knn), and below them sk_mt and names of own_systems. Figure 4's ink_r_knn stands below a rule,
    and so does one that searches a reduced datastore, or searches less often: SYSTEM+REDUCTION and SYSTEM+STRATEGY,
    such as v_knn+random_half and v_knn+unsure."""
    seeds: Seeds = [1]
    """Every system that learns is trained and scored once per seed (paper: one)."""
    device: Device = "cuda"
    """The torch device on which models run."""
    precision: Precision = "fp16"
    """What models compute in, in training and inference (released: fp16 in training). fp16 and bf16 are fairseq's
    mixed precision: weights and activations in half precision, a copy of the trained weights in fp32 that the
    optimiser updates and files hold, and for fp16 a scaled loss. Log-probabilities, losses, distances, kernels and
    combiners stay in fp32; COMET's model too. fp16 needs a GPU."""
    threads: Threads = Threads()
    data: Data
    text: Text = Text()
    base_model: BaseModelSource = BaseModelSource()
    datastore: Datastore = Datastore()
    index: Index = Index()
    decoding: Decoding = Decoding()
    evaluation: Evaluation = Evaluation()
    training: Training = Training()
    adapter: Adapter = Adapter()
    ink: Ink = Ink()
    v_knn: VKnn = VKnn()
    knn_kd: KnnKd = KnnKd()
    combiner_training: CombinerTraining = CombinerTraining()
    a_knn: AKnn = AKnn()
    r_knn: RKnn = RKnn()
    sk_mt: SkMt = SkMt()
    own_systems: OwnSystems = {}
    """Systems with a combiner of your own, by name; see docs/adding-a-system.md. They are trained as A-kNN is."""
    reductions: Reductions = {}
    """Ways of making datastores small, by name, for systems such as v_knn+NAME; see docs/methods.md."""
    search_strategies: SearchStrategies = {}
    """Ways of searching less while decoding, by name, for systems such as v_knn+unsure; see docs/methods.md."""
    knn_accuracy: KnnAccuracy = KnnAccuracy()
    speed: Speed = Speed()
    leaderboard: Annotated[bool, Field(title="true or false")] = optional()
    """true: a table and a figure of every system's quality, memory, speed and training time, with the Pareto front.
    false or nothing: none; `ink leaderboard` renders them for any results."""
    mlflow: MLflow = MLflow()
    downloads: Downloads = optional()
    container: Annotated[
        Image | None,
        Field(title="null, or an image: docker://..., another address or a file, without blanks, quotes and braces"),
    ] = optional()
    """The image in which `snakemake --software-deployment-method apptainer` runs the jobs; without that option it has
    no effect. null or nothing: none. It changes no result and reruns nothing."""
