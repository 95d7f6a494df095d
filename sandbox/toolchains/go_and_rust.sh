#!/bin/sh
# What Debian's packages do not have: Rust's crates in compiled form, and Go's compiled packages
# (a cache that nobody writes to later). The image's build runs this; for the local jail run it
# once, as root, from an environment's prepare.sh. $1 is the folder that is made.
set -eu
PATH=/usr/bin:/bin
target=$1
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
rm -rf "$target"
mkdir -p "$target/rust" "$target/go" "$work/crates/src" "$work/go"

cd "$work/crates"
: >src/lib.rs
cat >Cargo.toml <<'END'
[package]
name = "crates"
version = "0.1.0"
edition = "2021"

[dependencies]
rand = "0.8"
regex = "1"
md5 = "0.7"
END
mkdir .cargo
cat >.cargo/config.toml <<'END'
[source.crates-io]
replace-with = "debian"

[source.debian]
directory = "/usr/share/cargo/registry"
END
CARGO_HOME="$work/cargo" cargo build --offline --quiet
rm target/debug/deps/libcrates-*
cp target/debug/deps/*.rlib "$target/rust/"
mkdir "$target/rust/named"
cd "$target/rust/named"
for crate in rand regex md5; do
    for file in ../lib"$crate"-*.rlib; do
        ln -s "$file" lib"$crate".rlib
    done
done

# A test that imports what programs import, compiled and examined as theirs are.
cd "$work/go"
cat >main_test.go <<'END'
package main

import (
	"testing"

	_ "bufio"
	_ "bytes"
	_ "container/heap"
	_ "container/list"
	_ "crypto/md5"
	_ "crypto/sha256"
	_ "encoding/hex"
	_ "encoding/json"
	_ "errors"
	_ "fmt"
	_ "io"
	_ "math"
	_ "math/big"
	_ "math/bits"
	_ "math/cmplx"
	_ "math/rand"
	_ "os"
	_ "reflect"
	_ "regexp"
	_ "sort"
	_ "strconv"
	_ "strings"
	_ "sync"
	_ "time"
	_ "unicode"
	_ "unicode/utf8"

	"github.com/stretchr/testify/assert"
)

func TestNothing(t *testing.T) { assert.New(t).Equal(1, 1) }
END
export GO111MODULE=off GOPATH=/usr/share/gocode GOCACHE="$target/go" GOFLAGS= HOME="$work"
go test -c -o test main_test.go
go vet -atomic -bool -buildtags -errorsas -ifaceassert -nilfunc -printf -stringintconv main_test.go
chmod -R u=rX,g=rX,o=rX "$target"
