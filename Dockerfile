# docker build --target cpu -t ink . && docker run --rm -v "$PWD/results:/ink/results" -v "$PWD/work:/ink/work" ink
# Target gpu has torch's CUDA build and faiss-gpu; run it with --gpus all.
FROM debian:bookworm-slim AS base
RUN apt-get update \
    && apt-get install --yes --no-install-recommends ca-certificates git make g++ python3 python3-venv python3-dev \
    && rm -rf /var/lib/apt/lists/*
WORKDIR /ink
COPY . .
ENV PATH="/ink/.venv/bin:$PATH"
CMD ["snakemake", "--cores", "all"]

FROM base AS cpu
RUN PIP_NO_CACHE_DIR=1 PIP_EXTRA_INDEX_URL=https://download.pytorch.org/whl/cpu make environment

FROM base AS gpu
RUN PIP_NO_CACHE_DIR=1 make environment FAISS=gpu
