# SPDX-License-Identifier: GPL-2.0-or-later
#
# What the image scripts share: where images live, progress lines, and the rule that an image is built
# once, under a temporary name, and again only when a script that makes it has changed. Sourced.
set -euo pipefail

image_top=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
image_dir=$image_top/build/images

image_say() {
    echo "images: $*" >&2
}

# image_key FILE...: a digest of everything that decides the image's content.
image_key() {
    cat "$@" | sha256sum | cut -d' ' -f1
}

# image_is_fresh TARGET KEY: whether TARGET stands and was built from KEY.
image_is_fresh() {
    [ -e "$1" ] && [ "$(cat "$1.key" 2>/dev/null)" = "$2" ]
}

# image_publish TEMPORARY TARGET KEY: puts the finished image in place. The key comes last, so that an
# interrupted build is never taken for a finished one.
image_publish() {
    rm -rf "$2" "$2.key"
    mv "$1" "$2"
    echo "$3" >"$2.key"
}

# image_lock TARGET: one builder of an image at a time, for builds in parallel and for two people in one tree.
image_lock() {
    mkdir -p "$(dirname "$1")"
    exec 9>"$1.lock"
    flock 9
}
