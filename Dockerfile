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
 && /opt/build/bin/pip install --quiet --no-cache-dir --require-hashes -r requirements/build.txt \
 && /opt/build/bin/pip install --quiet --no-cache-dir --no-compile --require-hashes --target "$site" -r "requirements/${REQUIREMENTS}.txt"
COPY pyproject.toml README.md LICENSE ./
COPY crashy crashy
# Only what serving needs: the laboratory, sources, headers, stubs and debug symbols stay behind; byte code
# comes along, since compiling it at every start would nearly double the time to the first answer.
RUN site="$(/opt/crashy/bin/python -c 'import sysconfig; print(sysconfig.get_path("purelib"))')" \
 && /opt/build/bin/pip install --quiet --no-cache-dir --no-compile --no-deps --no-build-isolation --upgrade --target "$site" . \
 && rm -rf "$site"/crashy/check "$site"/crashy/engines "$site"/crashy/kubelet "$site"/crashy/manifest "$site"/crashy/report "$site"/crashy/traffic "$site"/bin \
 && find "$site" \( -name tests -o -name '.hash' \) -prune -exec rm -rf {} + \
 && find "$site" \( -name '*.pyx' -o -name '*.pxd' -o -name '*.pyi' -o -name '*.h' -o -name '*.c' -o -name '*.cpp' \) -delete \
 && find "$site" -name '*.so' -exec strip --strip-all {} + \
 && /opt/crashy/bin/python -m compileall -q "$site" \
 && printf '#!/opt/crashy/bin/python\nimport sys\nfrom crashy.cli import main\nsys.exit(main())\n' > /opt/crashy/bin/crashy \
 && chmod 755 /opt/crashy/bin/crashy

FROM ${PYTHON_IMAGE}
LABEL org.opencontainers.image.title="crashy" \
      org.opencontainers.image.description="The server that people crash on purpose" \
      org.opencontainers.image.licenses="Apache-2.0"
COPY --from=build /usr/bin/tini-static /usr/bin/tini
COPY --from=build /opt/crashy /opt/crashy
# /app holds is_ready and is_healthy: with a read-only root, mount an emptyDir or tmpfs there.
RUN mkdir /app && chown 10001:10001 /app
ENV PATH=/opt/crashy/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1 \
    HOST=0.0.0.0 \
    PORT=80,5000,8080 \
    STATE_DIR=/app
USER 10001:10001
WORKDIR /app
EXPOSE 80 5000 8080 8081
HEALTHCHECK --interval=10s --timeout=1s --start-period=5s --retries=3 \
  CMD ["python", "-I", "-S", "-c", "import http.client, sys; c = http.client.HTTPConnection('127.0.0.1', 8080, timeout=1); c.request('GET', '/livez'); sys.exit(c.getresponse().status >= 400)"]
ENTRYPOINT ["tini", "--", "crashy"]
CMD ["serve"]
