# tsc_snapshot.sh FILE OPTION...: the snapshot of the tsc on the path, for calls with these options.
# tsc_snapshot.sh --inputs: the files of which it is made.
set -eu
tsc=$(readlink -f "$(command -v tsc)")
library=$(readlink -f "${tsc%/*}/../lib")
if [ "$1" = --inputs ]; then
    readlink -f "$(command -v node)"
    ls "$library"/tsc.js "$library"/lib.*.d.ts
else
    file=$1
    shift
    node --snapshot-blob "$file" --build-snapshot "${0%/*}/tsc_snapshot.js" "$library/tsc.js" "$@"
fi
