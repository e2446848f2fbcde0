# Built from the source tree alone. `.ci/replay_dockerfile.py` carries these instructions out without an engine, so keep
# to what it knows: FROM, WORKDIR, COPY, RUN, ENV, USER, EXPOSE, HEALTHCHECK, ENTRYPOINT, CMD.

FROM python:3.12-slim AS wheel
WORKDIR /src
RUN python -m pip install --no-cache-dir build
COPY pyproject.toml README.md LICENSE ./
COPY mock_server/mocktune mock_server/mocktune
COPY client/mocktune_client client/mocktune_client
COPY contract_tests/mocktune_contract contract_tests/mocktune_contract
RUN python -m build --wheel --outdir /dist

# The contract suite, to be run against a server in another container: docker compose --profile test run --rm tests
FROM python:3.12-slim AS tests
COPY --from=wheel /dist /dist
RUN python -m pip install --no-cache-dir "$(ls /dist/*.whl)[testing]"
WORKDIR /tmp
USER 65534:65534
ENV PYTHONDONTWRITEBYTECODE=1
# What follows names the server: --target http://mocktune:4141/v1
ENTRYPOINT ["python", "-m", "mocktune_contract", "-q", "-p", "no:cacheprovider"]

FROM python:3.12-slim AS server
COPY --from=wheel /dist /dist
# The image's own library comes without .pyc files and the user below may write none; without them a start takes twice as
# long.
RUN python -m pip install --no-cache-dir --compile /dist/*.whl && python -m compileall -q -j 0 /usr/local/lib
WORKDIR /tmp
# nobody, as a number, so that an orchestrator can see that it is not root.
USER 65534:65534
ENV MOCKTUNE_PORT=4141
EXPOSE 4141
HEALTHCHECK --interval=5s --timeout=3s --start-period=15s --retries=5 CMD ["python", "-c", "import os, urllib.request as u; u.build_opener(u.ProxyHandler({})).open('http://127.0.0.1:' + os.environ['MOCKTUNE_PORT'] + '/_mocktune/health', timeout=2)"]
# Needs MOCKTUNE_ADMIN_TOKEN: a server that listens beyond loopback does not start without one.
ENTRYPOINT ["mocktune", "serve", "--host", "0.0.0.0"]
