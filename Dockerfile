# syntax=docker/dockerfile:1
# The patient's image. Another base can stand in: --build-arg PYTHON_IMAGE=… (Debian-like, Python ≥ 3.11).
ARG PYTHON_IMAGE=docker.io/library/python:3.13-slim
# What is installed: requirements/base.txt; --build-arg REQUIREMENTS=grpc adds what GRPC_PORT needs (1 MB).
ARG REQUIREMENTS=base

FROM ${PYTHON_IMAGE} AS build
ARG REQUIREMENTS
RUN apt-get update && apt-get install -y --no-install-recommends binutils tini && rm -rf /var/lib/apt/lists/*
RUN python3 -m venv /opt/build && python3 -m venv --without-pip /opt/crashy
WORKDIR /src
COPY requirements/${REQUIREMENTS}.txt requirements/build.txt requirements/
RUN site="$(/opt/crashy/bin/python -c 'import sysconfig; print(sysconfig.get_path("purelib"))')" \
 && /opt/build/bin/pip install --quiet --no-cache-dir --no-deps --only-binary :all: --require-hashes -r requirements/build.txt \
 && /opt/build/bin/pip install --quiet --no-cache-dir --no-compile --no-deps --only-binary :all: --require-hashes --target "$site" -r "requirements/${REQUIREMENTS}.txt"
COPY pyproject.toml README.md LICENSE ./
COPY crashy crashy
# Only what a container needs (serve, proxy, traffic, probe, event-simulator, inject, recover, status): the laboratory, tests,
# sources, headers, stubs and debug symbols stay behind; byte code comes along, since compiling it at every start would
# nearly double the time to the first answer.
RUN site="$(/opt/crashy/bin/python -c 'import sysconfig; print(sysconfig.get_path("purelib"))')" \
 && /opt/build/bin/pip install --quiet --no-cache-dir --no-compile --no-deps --no-build-isolation --upgrade --target "$site" . \
 && stay=" __init__ __main__ checks chunked cli client clock commands errors faults fields grpc patient report server targets timeline traffic " \
 && for room in "${site:?}"/crashy/*; do case "$stay" in *" $(basename "$room" .py) "*) ;; *) rm -rf "$room" ;; esac; done \
 && rm -rf "$site"/bin /opt/crashy/include /opt/crashy/bin/[Aa]ctivate* \
 && rm -f "$site"/aiohttp/pytest_plugin.py "$site"/aiohttp/test_utils.py "$site"/uvloop/_testbase.py \
 && find "$site" \( -name tests -o -name '.hash' \) -prune -exec rm -rf {} + \
 && find "$site" \( -name '*.pyx' -o -name '*.pxd' -o -name '*.pyi' -o -name '*.h' -o -name '*.c' -o -name '*.cpp' \) -delete \
 && find "$site" -name '*.so' -exec strip --strip-all {} + \
 && /opt/crashy/bin/python -m compileall -q "$site" \
 && printf '#!/opt/crashy/bin/python\nimport sys\nfrom crashy.cli import main\nsys.exit(main())\n' > /opt/crashy/bin/crashy \
 && chmod 755 /opt/crashy/bin/crashy \
 && for name in podinfo podcli kuard agnhost; do ln -s crashy "/opt/crashy/bin/$name"; done

FROM ${PYTHON_IMAGE}
ARG PYTHON_IMAGE
# `make image` adds version, revision and created.
LABEL org.opencontainers.image.title="crashy" \
      org.opencontainers.image.description="The server that people crash on purpose" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.base.name="${PYTHON_IMAGE}"
COPY --from=build /usr/bin/tini-static /usr/bin/tini
COPY --from=build /opt/crashy /opt/crashy
# /app holds is_ready and is_healthy: with a read-only root, mount an emptyDir or tmpfs there.
# The names are those of courses' apps, where their manifests look for them: ./podinfo, podcli, /kuard, /agnhost.
RUN mkdir /app && chown 10001:10001 /app \
 && ln -s /opt/crashy/bin/podinfo /opt/crashy/bin/podcli /app \
 && ln -s /opt/crashy/bin/kuard /opt/crashy/bin/agnhost /
ENV PATH=/opt/crashy/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1 \
    HOST=0.0.0.0 \
    PORT=80,5000,8080 \
    STATE_DIR=/app
USER 10001:10001
WORKDIR /app
EXPOSE 80 5000 8080 8081
# Docker's and podman's; Kubernetes has its own probes and does not read it.
HEALTHCHECK --interval=10s --timeout=1s --start-period=5s --retries=3 \
  CMD ["python", "-I", "-S", "-c", "import http.client, sys; c = http.client.HTTPConnection('127.0.0.1', 8080, timeout=1); c.request('GET', '/livez'); sys.exit(c.getresponse().status >= 400)"]
# -s: it reaps orphans too where it is not PID 1 (shareProcessNamespace, docker run --init).
ENTRYPOINT ["tini", "-s", "--", "crashy"]
CMD ["serve"]
