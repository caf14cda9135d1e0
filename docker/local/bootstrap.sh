#!/bin/sh
# Prepares .venv with the locked packages: `bootstrap.sh run` what `make run` needs, `bootstrap.sh dev`
# also what `make test` needs, `bootstrap.sh python` only says which Python would be used.
set -eu

cd "$(dirname "$0")/../.."

say() { printf '%s\n' "$*" >&2; }

# The first Python that is new enough, PYTHON if given.
find_python() {
    for candidate in ${PYTHON:-python3 python3.13 python3.12 python3.11 python3.14}; do
        if "$candidate" -c 'import sys; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1; then
            command -v "$candidate"
            return
        fi
    done
    say "没有 Python 3.11 或更新版本 / no Python 3.11 or newer was found (${PYTHON:-python3 … python3.14})"
    say "  → Debian/Ubuntu: apt-get install python3 python3-venv; or name one: PYTHON=/path/to/python3.12 make run"
    return 1
}

# A virtual environment with pip, also where Python came without ensurepip (Debian splits it off).
make_environment() {
    python=$(find_python)
    if "$python" -m venv .venv >/dev/null 2>&1; then
        return
    fi
    rm -rf .venv
    if "$python" -m venv --without-pip .venv >/dev/null 2>&1 &&
        "$python" -m pip --python .venv/bin/python install --quiet pip >/dev/null 2>&1; then
        return
    fi
    rm -rf .venv
    say "$python 不能建立虚拟环境 / $python cannot make a virtual environment (no ensurepip)"
    say "  → Debian/Ubuntu: apt-get install python3-venv; Fedora: dnf install python3-pip; then run again"
    return 1
}

# uv reads neither pip's configuration nor, by itself, the system's certificates: an office with an
# index or a certificate authority of its own has told pip and the system, and need not tell uv.
tell_uv() {
    index=$(.venv/bin/python -m pip config get global.index-url 2>/dev/null || true)
    index=${PIP_INDEX_URL:-$index}
    if [ -n "$index" ] && [ -z "${UV_DEFAULT_INDEX:-}" ]; then
        export UV_DEFAULT_INDEX="$index"
    fi
    if [ -e /etc/ssl/certs/ca-certificates.crt ] || [ -e /etc/pki/tls/certs/ca-bundle.crt ]; then
        export UV_SYSTEM_CERTS="${UV_SYSTEM_CERTS:-true}"
    fi
}

unreachable() {
    say "安装依赖包失败 / the locked packages could not be installed (see above)"
    say "  → check network and disk space and run again; a nearer index: PIP_INDEX_URL=https://… make run"
    return 1
}

# What was installed last is remembered by the lock files' content, so that a warm start installs nothing.
stamp_of() { cat requirements/uv.lock "requirements/$1.lock" | cksum; }

main() {
    wanted=$1
    if [ "$wanted" = python ]; then
        if [ -x .venv/bin/python ]; then echo .venv/bin/python; else find_python; fi
        return
    fi
    for enough in "$wanted" dev; do # dev holds all that run holds
        stamp=.venv/.installed-$enough
        if [ -f "$stamp" ] && [ "$(cat "$stamp")" = "$(stamp_of "$enough")" ]; then
            return
        fi
    done
    [ -x .venv/bin/python ] || make_environment
    say "安装依赖包 / installing the locked packages ($wanted) …"
    .venv/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes \
        -r requirements/uv.lock || unreachable
    tell_uv
    .venv/bin/uv pip install --quiet --python .venv/bin/python --require-hashes \
        -r "requirements/$wanted.lock" || unreachable
    stamp_of "$wanted" >".venv/.installed-$wanted"
}

main "${1:?run, dev or python}"
