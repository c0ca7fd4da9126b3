#!/usr/bin/env bash
# Makes what a release carries, in target/package: the binary for any Linux with glibc 2.17 or later,
# alone and as tar.gz, wheel and .deb, their checksums, and a bill of materials.
#
#   scripts/package.sh               makes them
#   scripts/package.sh --check       makes them twice, in two other directories, from the commit that is
#                                    checked out, and compares the checksums
#   scripts/package.sh --try [SUITE] runs and installs what was made in a bare Debian (bullseye, if
#                                    nothing else is said), and installs the wheel; needs root
#
# A build takes 10 to 40 minutes, for the machine's own architecture. Needs a Rust toolchain, Python 3.11
# with venv, dpkg-deb, and a registry for each; --try also debootstrap and Debian's mirror.
# BOURN_TOOLS is where the venv of scripts/package/requirements.txt goes, target/package-tools if unset.
set -euo pipefail
umask 022
cd "$(dirname "$0")/.."
export LC_ALL=C TZ=UTC

fail() {
    echo "package.sh: $*" >&2
    exit 1
}

need() { # PROGRAM WHAT-TO-DO
    command -v "$1" >/dev/null || fail "$1 is not here: $2"
}

glibc=2.17
target=$(uname -m)-unknown-linux-gnu
case "$target" in
x86_64-*) deb_arch=amd64 ;;
aarch64-*) deb_arch=arm64 ;;
*) fail "packages are made on x86_64 and aarch64 Linux, and this is $(uname -m)" ;;
esac
out=$PWD/target/package
tools=$(realpath -m "${BOURN_TOOLS:-target/package-tools}")
build=$(realpath -m "${CARGO_TARGET_DIR:-target}")

install_tools() {
    need python3 "install Python 3.11 or later"
    if ! cmp -s scripts/package/requirements.txt "$tools/requirements.txt"; then
        python3 -m venv --clear "$tools" || fail "no venv could be made in $tools: on Debian, apt-get install python3-venv"
        "$tools/bin/pip" install --quiet --disable-pip-version-check --no-deps -r scripts/package/requirements.txt
        cp scripts/package/requirements.txt "$tools/"
    fi
    export PATH="$tools/bin:$PATH"
}

build_binary() {
    # What a build writes of where it ran, in panics, is the same wherever it runs.
    local flags=(
        "--remap-path-prefix=${CARGO_HOME:-$HOME/.cargo}=/cargo"
        "--remap-path-prefix=$(rustc --print sysroot)=/rust"
        "--remap-path-prefix=$build=/target"
        "--remap-path-prefix=$PWD=/bourn"
    )
    local separated
    separated=$(printf '%s\x1f' "${flags[@]}")
    env -u RUSTFLAGS CARGO_ENCODED_RUSTFLAGS="${separated%$'\x1f'}" CARGO_INCREMENTAL=0 CARGO_TARGET_DIR="$build" \
        cargo zigbuild --locked --profile dist --package bourn-cli --target "$target.$glibc"
    binary=$build/$target/dist/bourn
    local place
    for place in "${CARGO_HOME:-$HOME/.cargo}" "$build" "$PWD"; do
        if grep -qaF "$place/" "$binary"; then
            fail "$binary holds a path of this machine, $place: two builds would differ"
        fi
    done
}

# What every package holds, as it lies under /usr.
stage_prefix() { # PREFIX
    local share=$1/share file
    install -D -m 755 "$binary" "$1/bin/bourn"
    mkdir -p "$share/man/man1" "$share/doc/bourn" "$share/bourn/recipes"
    "$binary" man "$share/man/man1" >/dev/null
    gzip -9n "$share"/man/man1/*.1
    for file in bash:bash-completion/completions/bourn zsh:zsh/site-functions/_bourn \
        fish:fish/vendor_completions.d/bourn.fish; do
        mkdir -p "$(dirname "$share/${file#*:}")"
        "$binary" completions "${file%%:*}" >"$share/${file#*:}"
    done
    cp recipes/*.toml "$share/bourn/recipes/"
    cp README.md CHANGELOG.md LICENSE-APACHE LICENSE-MIT "$work/THIRD-PARTY.txt" "$share/doc/bourn/"
    find "$1" -type f ! -path "$1/bin/bourn" -exec chmod 644 {} +
}

make_archive() {
    local name=bourn-$version-$target
    cp -r "$work/prefix" "$work/$name"
    tar --directory "$work" --create --sort=name --format=gnu --mtime="@$SOURCE_DATE_EPOCH" \
        --owner=0 --group=0 --numeric-owner "$name" | gzip -9n >"$out/$name.tar.gz"
}

make_wheel() {
    local wheel_version root info tag
    wheel_version=$("$tools/bin/python" -c 'import sys, packaging.version as v; print(v.Version(sys.argv[1]))' "$version")
    root=$work/wheel
    info=$root/bourn-$wheel_version.dist-info
    tag=py3-none-manylinux_${glibc/./_}_$(uname -m)
    mkdir -p "$info/licenses" "$root/bourn-$wheel_version.data/scripts"
    mkdir "$root/bourn-$wheel_version.data/data"
    cp -r "$work/prefix/share" "$root/bourn-$wheel_version.data/data/"
    # Wheels have the README and the licences in their metadata.
    rm -r "$root/bourn-$wheel_version.data/data/share/doc"
    cp "$work/prefix/bin/bourn" "$root/bourn-$wheel_version.data/scripts/"
    cp LICENSE-APACHE LICENSE-MIT "$work/THIRD-PARTY.txt" "$info/licenses/"
    sed "s/@WHEEL_VERSION@/$wheel_version/" scripts/package/METADATA | cat - README.md >"$info/METADATA"
    printf '%s\n' 'Wheel-Version: 1.0' 'Generator: bourn' 'Root-Is-Purelib: false' "Tag: $tag" >"$info/WHEEL"
    "$tools/bin/python" -m wheel pack "$root" --dest-dir "$out" >/dev/null
}

make_deb() {
    local root=$work/deb doc=$work/deb/usr/share/doc/bourn
    # A hyphen would begin Debian's own revision; a tilde comes before the version itself.
    local deb_version=${version/-/\~}
    mkdir -p "$root/DEBIAN"
    cp -r "$work/prefix" "$root/usr"
    mkdir "$root/usr/share/zsh/vendor-completions"
    mv "$root/usr/share/zsh/site-functions/_bourn" "$root/usr/share/zsh/vendor-completions/"
    rmdir "$root/usr/share/zsh/site-functions"
    gzip -9n <CHANGELOG.md >"$doc/changelog.gz"
    {
        printf 'bourn is licensed under MIT or Apache-2.0, as you like.\n\n'
        cat LICENSE-MIT
        printf '\nThe Apache License, version 2.0, is in /usr/share/common-licenses/Apache-2.0.\n\n'
        cat "$work/THIRD-PARTY.txt"
    } >"$doc/copyright"
    rm "$doc"/{LICENSE-*,THIRD-PARTY.txt,CHANGELOG.md}
    sed "s/@DEB_VERSION@/$deb_version/; s/@DEB_ARCH@/$deb_arch/; s/@GLIBC@/$glibc/; s/@KIB@/$(apparent_kib "$root/usr")/" \
        scripts/package/control >"$root/DEBIAN/control"
    # How many threads compress changes the bytes.
    DPKG_DEB_THREADS_MAX=1 dpkg-deb --root-owner-group -Zxz --build "$root" "$out/bourn_${deb_version}_$deb_arch.deb" >/dev/null
}

# Of files alone: what a directory takes depends on the file system.
apparent_kib() { # DIRECTORY
    find "$1" -type f -printf '%s\n' | awk '{ kib += int(($1 + 1023) / 1024) } END { print kib }'
}

make_packages() {
    need cargo "install a Rust toolchain"
    need dpkg-deb "apt-get install dpkg"
    if [ -z "${SOURCE_DATE_EPOCH:-}" ]; then
        SOURCE_DATE_EPOCH=$(git log -1 --format=%ct) ||
            fail "this is no git checkout: set SOURCE_DATE_EPOCH to the time of the sources, in seconds"
        if [ -n "$(git status --porcelain)" ]; then
            echo "package.sh: there are changes that are not committed, and the packages will have them" >&2
        fi
    fi
    export SOURCE_DATE_EPOCH
    version=$(cargo pkgid --locked --package bourn-cli)
    version=${version##*[#@]}
    install_tools
    build_binary
    rm -rf "$out"
    mkdir -p "$out"
    "$tools/bin/python" scripts/package/dependencies.py "$target" \
        "$out/bourn-$version-$target.cdx.json" "$work/THIRD-PARTY.txt"
    stage_prefix "$work/prefix"
    install -m 755 "$binary" "$out/bourn-$version-$target"
    make_archive
    make_wheel
    make_deb
    (cd "$out" && sha256sum -- * >"$work/sums" && mv "$work/sums" SHA256SUMS)
    (cd "$out" && ls -l --block-size=K -- *)
}

check_twice() {
    local side commit
    commit=$(git rev-parse HEAD) || fail "--check compares builds of a commit, and this is no git checkout"
    SOURCE_DATE_EPOCH=$(git log -1 --format=%ct "$commit")
    export SOURCE_DATE_EPOCH BOURN_TOOLS="$tools"
    # Paths of two lengths, too.
    for side in first the-second; do
        mkdir "$work/$side"
        git archive "$commit" | tar -x -C "$work/$side"
        CARGO_TARGET_DIR="$work/$side/target" "$work/$side/scripts/package.sh"
        mv "$work/$side/target/package" "$work/$side-package"
        rm -rf "${work:?}/$side"
    done
    if ! diff "$work"/{first,the-second}-package/SHA256SUMS; then
        trap - EXIT
        fail "two builds of one commit differ; they are in $work (diffoscope says where)"
    fi
    echo "two builds of $commit are the same:"
    cat "$work/first-package/SHA256SUMS"
}

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
case "${1:-}" in
'') make_packages ;;
--check) check_twice ;;
--try) scripts/package/try.sh "$out" "${2:-bullseye}" ;;
*)
    sed -n '2,15s/^# \{0,1\}//p' "$0"
    exit 2
    ;;
esac
