#!/usr/bin/env bash
# Installs the build into a new prefix, moves that, and builds the consumer against it: by CMake (shared and
# static) and by pkg-config (shared and static).   consume.sh BUILD_DIR SOURCE_DIR WORK_DIR
set -euo pipefail
build=$1 source=$2 work=$3
rm -rf "$work"
mkdir -p "$work"
cmake --install "$build" --prefix "$work/first" >"$work/install.log"
mv "$work/first" "$work/moved" # relocatable: nothing may remember the first place
cmake -G Ninja -S "$source/tests/install/consumer" -B "$work/cmake" -DCMAKE_PREFIX_PATH="$work/moved" \
  -DCMAKE_C_FLAGS="${SANITIZE_FLAGS:-}" >"$work/configure.log"
cmake --build "$work/cmake" >"$work/build.log" || { cat "$work/build.log"; exit 1; }
"$work/cmake/consumer_shared"
"$work/cmake/consumer_static"
libdir=$(dirname "$(find "$work/moved" -name modellab.pc)")/..
export PKG_CONFIG_PATH="$libdir/pkgconfig"
# shellcheck disable=SC2046,SC2086
cc ${SANITIZE_FLAGS:-} "$source/tests/install/consumer/main.c" $(pkg-config --cflags --libs modellab) -o "$work/by_pkg_config"
LD_LIBRARY_PATH="$libdir" "$work/by_pkg_config"
# shellcheck disable=SC2046,SC2086
cc ${SANITIZE_FLAGS:-} "$source/tests/install/consumer/main.c" $(pkg-config --cflags modellab) "$libdir/libmodellab.a" \
  $(pkg-config --libs --static modellab | sed 's/-lmodellab //') -o "$work/by_pkg_config_static"
"$work/by_pkg_config_static"
"$work/moved/bin/modellab" version
if grep -rl "$source" "$work/moved" --include='*.pc' --include='*.cmake'; then
  echo "an installed file remembers the source folder" >&2
  exit 1
fi
