#!/bin/sh
# environment.sh FOLDER -r FILE...: a virtual environment with the pinned packages and this checkout.
# Progress and errors go to stderr; done without a word when all is installed.
set -eu
folder=$1
shift

is_usable() {
    "$1" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null
}

if ! is_usable "$folder/bin/python"; then
    python=
    for name in python3 python3.14 python3.13 python3.12 python3.11; do
        if is_usable "$name"; then
            python=$name
            break
        fi
    done
    if [ -z "$python" ]; then
        echo "Stratus needs Python 3.11 or newer; none of python3, python3.11 ... 3.14 is." >&2
        exit 1
    fi
    # Debian and Ubuntu keep ensurepip, which venv needs, in a package of its own.
    if ! "$python" -c 'import ensurepip' 2>/dev/null; then
        package=$("$python" -c 'import sys; print("python3.%d-venv" % sys.version_info[1])')
        if [ "$(id -u)" != 0 ] || ! command -v apt-get >/dev/null; then
            echo "$python has no ensurepip; install it first: apt-get install $package" >&2
            exit 1
        fi
        echo "installing $package" >&2
        apt-get update -qq >&2
        DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends \
            "$package" >&2
    fi
    echo "making $folder with $("$python" --version)" >&2
    rm -rf "$folder"
    "$python" -m venv "$folder"
fi
echo "installing into $folder" >&2
pip() {
    "$folder/bin/python" -m pip --disable-pip-version-check --quiet "$@" >&2
}
pip install --require-hashes --only-binary :all: "$@"
pip install --no-deps --no-build-isolation --editable .
touch "$folder/.stratus"
