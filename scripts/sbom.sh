#!/bin/sh
# sbom.sh IMAGE: write a software bill of materials (CycloneDX, JSON) to build/sbom.cdx.json. With syft it is the whole
# image's, Debian's packages included; without it, that of the Python packages which the image installs.
set -eu
cd "$(dirname "$0")/.."
image=${1:?usage: scripts/sbom.sh IMAGE}
out=build/sbom.cdx.json
mkdir -p build
if command -v syft >/dev/null 2>&1; then
  echo "syft looks into $image"
  syft scan "$image" --quiet --output "cyclonedx-json=$out"
else
  echo "syft is not on PATH: cyclonedx-py lists the Python packages that the image installs (requirements/base.txt)"
  tool=build/sbom/tool
  subject=build/sbom/subject
  rm -rf build/sbom
  "${PYTHON:-python3}" -m venv "$tool"
  "${PYTHON:-python3}" -m venv --without-pip "$subject"
  scripts/install.sh "$tool/bin/python" build sbom
  "$tool/bin/python" -m pip --disable-pip-version-check --python "$subject" install --quiet --no-deps --only-binary :all: \
    --require-hashes -r requirements/base.txt
  "$tool/bin/cyclonedx-py" environment --pyproject pyproject.toml --mc-type application --output-reproducible \
    --output-format JSON --output-file "$out" "$subject/bin/python"
  rm -rf build/sbom
fi
echo "wrote $out"
