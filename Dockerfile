# Three images from one file:
#   docker build --target service   [--build-arg VARIANT=cuda] .
#   docker build --target worker    [--build-arg VARIANT=cuda] .
#   docker build --target dashboard .
# VARIANT=cuda takes PyTorch's ordinary wheels, which carry CUDA (the host gives the driver); VARIANT=cpu its CPU wheels,
# gigabytes less, or the ordinary ones where their index cannot be reached.
ARG PYTHON_IMAGE=python:3.11.14-slim-bookworm

FROM ${PYTHON_IMAGE} AS base
ENV PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1 \
    PATH=/opt/bindscope/bin:$PATH \
    HOME=/tmp \
    HF_HUB_OFFLINE=1 \
    BINDSCOPE_DATA_DIR=/data
RUN useradd --uid 10001 --no-create-home --shell /usr/sbin/nologin bindscope \
    && mkdir /data \
    && chown bindscope:bindscope /data
WORKDIR /data

# Dependencies first, those of a package without code: a change of the code installs none of them again.
FROM base AS build
ENV PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1
WORKDIR /src
COPY pyproject.toml constraints.txt ./
RUN python -m venv /opt/bindscope && mkdir backend frontend && touch README.md LICENSE

FROM build AS build-service
ARG VARIANT=cpu
COPY scripts/torch_index.py scripts/
RUN if [ "$VARIANT" = cpu ]; then index="$(python scripts/torch_index.py)"; else index=""; fi; \
    /opt/bindscope/bin/pip install ${index:+"$index"} --constraint constraints.txt '.[service,minilm,tracing]'
COPY README.md LICENSE ./
COPY backend backend
COPY frontend frontend
RUN /opt/bindscope/bin/pip install --no-deps --force-reinstall .

FROM build AS build-dashboard
RUN /opt/bindscope/bin/pip install --constraint constraints.txt '.[dashboard]'
COPY README.md LICENSE ./
COPY backend backend
COPY frontend frontend
RUN /opt/bindscope/bin/pip install --no-deps --force-reinstall .

# What service and worker share, so that its gigabytes are there once.
FROM base AS runtime
COPY --from=build-service /opt/bindscope /opt/bindscope
USER 10001
VOLUME /data
STOPSIGNAL SIGTERM

FROM runtime AS service
EXPOSE 8000
HEALTHCHECK --interval=15s --timeout=12s --start-period=90s --retries=4 CMD ["bindscope", "health"]
CMD ["bindscope", "serve", "--host", "0.0.0.0", "--port", "8000"]

FROM runtime AS worker
CMD ["bindscope", "worker"]

FROM base AS dashboard
COPY --from=build-dashboard /opt/bindscope /opt/bindscope
USER 10001
EXPOSE 8501
HEALTHCHECK --interval=15s --timeout=5s --start-period=30s --retries=4 CMD ["python", "-m", "bindscope_dashboard.health"]
CMD ["python", "-m", "bindscope_dashboard", "--host", "0.0.0.0", "--port", "8501"]
