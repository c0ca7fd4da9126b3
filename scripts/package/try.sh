#!/usr/bin/env bash
# Runs and installs the packages of a directory: the archive and the .deb in a bare Debian that is made
# for it and thrown away, the wheel in a venv of this machine. scripts/package.sh --try calls it.
#
#   scripts/package/try.sh DIRECTORY SUITE
set -euo pipefail
packages=$1 suite=$2

fail() {
    echo "try.sh: $*" >&2
    exit 1
}

only() { # PATTERN
    local found
    found=$(find "$packages" -maxdepth 1 -name "$1")
    [ -f "$found" ] || fail "there is not one $1 in $packages: run scripts/package.sh first"
    echo "$found"
}
archive=$(only 'bourn-*.tar.gz')
deb=$(only 'bourn_*.deb')
wheel=$(only 'bourn-*.whl')
[ "$(id -u)" = 0 ] || fail "chroot and debootstrap need root"
command -v debootstrap >/dev/null || fail "debootstrap is not here: apt-get install debootstrap"
(cd "$packages" && sha256sum --check --quiet SHA256SUMS)

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
root=$work/root

shown() { # COMMAND…
    printf '\n$ %s\n' "$*"
    "$@"
}

inside() { # COMMAND…
    printf '\n%s# %s\n' "$suite" "$*"
    chroot "$root" env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/root NO_COLOR=1 "$@"
}

tiny=(--set base.steps=20 --set train.max_steps=2 --set probe.interval=2 --set probe.problems=4
    --set probe.n_max=16 --set probe.stop=4)

# The mirror of this machine's own apt; without one debootstrap has its own.
# shellcheck disable=SC2016 # apt's variable, not the shell's
mirror=$(apt-get indextargets --format '$(SITE)' 'Origin: Debian' 'Created-By: Packages' 2>/dev/null | head -n 1) || true
printf '$ debootstrap --variant=minbase %s\n' "$suite"
debootstrap --variant=minbase "$suite" "$root" ${mirror:+"$mirror"} >"$work/log" 2>&1 ||
    { tail -n 5 "$work/log" >&2; fail "debootstrap could not make $suite"; }
inside ldd --version | head -n 3

mkdir "$root/try"
tar -C "$root/try" --strip-components 1 -xzf "$archive"
recipe=/try/share/bourn/recipes/quickstart.toml
inside /try/bin/bourn --version
inside /try/bin/bourn recipe check "$recipe"
inside /try/bin/bourn train "$recipe" --run-dir /try/run "${tiny[@]}"
[ -s "$root/try/run/metrics.jsonl" ] || fail "the run wrote no metrics"
rm -rf "$root/try"

cp "$deb" "$root/bourn.deb"
inside dpkg --install /bourn.deb
inside bourn --version
inside bourn recipe check /usr/share/bourn/recipes/quickstart.toml
inside dpkg --listfiles bourn
for file in man/man1/bourn.1.gz man/man1/bourn-train.1.gz bash-completion/completions/bourn \
    zsh/vendor-completions/_bourn fish/vendor_completions.d/bourn.fish doc/bourn/copyright; do
    [ -s "$root/usr/share/$file" ] || fail "the .deb installs no /usr/share/$file"
done
inside dpkg --remove bourn

shown python3 -m venv "$work/venv"
shown "$work/venv/bin/pip" install --quiet --disable-pip-version-check --no-index "$wheel"
shown "$work/venv/bin/bourn" --version
shown "$work/venv/bin/bourn" recipe check "$work/venv/share/bourn/recipes/quickstart.toml"
printf '\nthe archive, the .deb and the wheel run\n'
