#!/usr/bin/env bash
# `admin cleanup` on a disk that is filled to its last byte: the lab's reserve makes it possible, and is
# there again afterwards.
# shellcheck source=tests/api/cli/common.sh
. "$(dirname "$0")/common.sh"
mkdir "$work/audio" "$work/small"
if ! mount -t tmpfs -o size=12m none "$work/small" 2>/dev/null; then
  skip "this user cannot mount a file system"
  exit 0
fi
"$built/make_bad_audio" "$work/audio" >/dev/null || exit 1
audio=$work/audio/size_unknown.wav
export MODEL_LAB_ROOT=$work/small/lab MODEL_LAB_MIN_FREE_BYTES=0 MODEL_LAB_CACHE_ROOT=$work/small/cache
reserve=$MODEL_LAB_ROOT/reserve
reserve_is_whole() { [ "$(stat -c %s "$reserve" 2>/dev/null)" = 1048576 ] && [ "$(du -k "$reserve" | cut -f1)" -ge 1024 ]; }
free_bytes() { df --output=avail -B1 "$work/small" | tail -n 1 | tr -d ' '; }

run run list
check "a new lab has its reserve" reserve_is_whole
for _ in 1 2 3 4 5 6 7 8 9 10 11 12; do
  id=$("$program" run submit "$audio" --pipeline ingest --quiet)
  run run wait "$id"
done
check "the runs are done" [ "$(run_count)" -eq 12 ]
dd if=/dev/zero of="$work/small/filler" bs=4k 2>/dev/null
dd if=/dev/zero of="$work/small/filler2" bs=1 2>/dev/null
check "the disk is full: $(free_bytes) bytes" [ "$(free_bytes)" -eq 0 ]

# nobody else gives it up
run run submit "$audio" --pipeline ingest
check "a submission is refused: exit code $code" exit_is 6
run admin cleanup --keep-runs 2 --dry-run
check "a dry run only looks: exit code $code" exit_is 0
check "the reserve is still there" reserve_is_whole
check "the disk is still full" [ "$(free_bytes)" -eq 0 ]

run admin cleanup --keep-runs 2
check "cleanup: exit code $code" exit_is 0
check "cleanup: two runs are left" [ "$(run_count)" -eq 2 ]
check "cleanup: there is space: $(free_bytes) bytes" [ "$(free_bytes)" -gt 65536 ]
run run verify last
check "cleanup: what is kept is whole" exit_is 0

rm "$work/small/filler" "$work/small/filler2"
run run submit "$audio" --pipeline ingest --quiet
check "with space the lab works: exit code $code" exit_is 0
run run wait last
check "and ends runs: exit code $code" exit_is 0
check "the reserve is there again" reserve_is_whole

# a cut one is made anew
truncate -s 1000 "$reserve"
run run list
check "a cut reserve is made anew" reserve_is_whole

# without it the full disk is what it was: nothing can be cleaned up (the planted lack)
dd if=/dev/zero of="$work/small/filler" bs=4k 2>/dev/null
rm "$reserve"
dd if=/dev/zero of="$work/small/filler2" bs=4k 2>/dev/null
run admin cleanup --keep-runs 1
check "without a reserve: exit code $code" exit_is 6
finish
