"""Rules for names, labels and ports: each returns the texts of all errors, none if the value is valid.

Source: kubernetes: staging/src/k8s.io/apimachinery/pkg/util/validation/validation.go.
"""

from __future__ import annotations

import random
import re

ALPHABET = "bcdfghjklmnpqrstvwxz2456789"  # without vowels: no words by chance (apimachinery: pkg/util/rand)
_LONGEST_BASE = 63 - 5
_LABEL_VALUE = "(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?"
_NAME_PART = "([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]"
_DNS_LABEL = "[a-z0-9]([-a-z0-9]*[a-z0-9])?"
_SUBDOMAIN = rf"{_DNS_LABEL}(\.{_DNS_LABEL})*"


def is_dns_label(name: str) -> list[str]:
    """Check an RFC 1123 label: the name of a container or a volume."""
    text = (
        "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and end"
        " with an alphanumeric character"
    )
    return [*_longer(name, 63), *_unlike(name, _DNS_LABEL, text, "my-name", "123-abc")]


def is_dns_subdomain(name: str) -> list[str]:
    """Check an RFC 1123 subdomain: the name of most objects."""
    text = (
        "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start"
        " and end with an alphanumeric character"
    )
    return [*_longer(name, 253), *_unlike(name, _SUBDOMAIN, text, "example.com")]


def is_label_key(key: str) -> list[str]:
    """Check a label's key: a name, with a DNS subdomain and a slash before it or without."""
    prefix, slash, name = key.rpartition("/")
    wrong = [f"prefix part {text}" for text in is_dns_subdomain(prefix)] if slash else []
    text = (
        "name part must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an"
        " alphanumeric character"
    )
    if not name:
        return [*wrong, "name part must be non-empty"]
    return [
        *wrong,
        *(f"name part {w}" for w in _longer(name, 63)),
        *_unlike(name, _NAME_PART, text, "MyName", "my.name", "123-abc"),
    ]


def is_label_value(value: str) -> list[str]:
    """Check a label's value."""
    text = (
        "a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', and must start"
        " and end with an alphanumeric character"
    )
    return [*_longer(value, 63), *_unlike(value, _LABEL_VALUE, text, "MyValue", "my_value", "12345")]


def is_port_name(name: str) -> list[str]:
    """Check a port's name (IANA's service names): that of a container's port, or a probe's reference to it."""
    wrong = _longer(name, 15)
    if not re.fullmatch(r"[-a-z0-9]+", name):
        wrong.append("must contain only alpha-numeric characters (a-z, 0-9), and hyphens (-)")
    if not re.search(r"[a-z]", name):
        wrong.append("must contain at least one letter (a-z)")
    if "--" in name:
        wrong.append("must not contain consecutive hyphens")
    if name.startswith("-") or name.endswith("-"):
        wrong.append("must not begin or end with a hyphen")
    return wrong


def is_port_number(port: int) -> list[str]:
    """Check a port's number."""
    return [] if 1 <= port <= 65535 else ["must be between 1 and 65535, inclusive"]


def is_header_name(name: str) -> list[str]:
    """Check the name of an HTTP header."""
    text = "a valid HTTP header must consist of alphanumeric characters or '-'"
    return _unlike(name, "[-A-Za-z0-9]+", text, "X-Header-Name")


def is_env_name(name: str) -> list[str]:
    """Check the name of an environment variable, as relaxed since 1.32."""
    if all(" " <= c <= "~" and c != "=" for c in name):
        return []
    return ["a valid environment variable name must consist only of printable ASCII characters other than '='"]


def _longer(value: str, limit: int) -> list[str]:
    return [f"must be no more than {limit} characters"] if len(value) > limit else []


def _unlike(value: str, pattern: str, text: str, *examples: str) -> list[str]:
    if re.fullmatch(pattern, value):
        return []
    quoted = " or ".join(f"'{example}', " for example in examples)
    return [f"{text} (e.g. {quoted}regex used for validation is '{pattern}')"]


def generated(base: str, rng: random.Random) -> str:
    """Return `base` with five random letters behind it, at most 63 characters in all.

    apiserver: pkg/storage/names/generate.go
    """
    return base[:_LONGEST_BASE] + "".join(rng.choices(ALPHABET, k=5))
