package main

import (
	"bytes"
	"os"
	"path/filepath"
	"strconv"
)

// The order of Pebble's tests: a prefix, then "@" and a decimal number, greatest first; no number comes before all.
const testKeys = "pebble.internal.testkeys"

func splitTestKey(k []byte) int {
	if i := bytes.LastIndexByte(k, '@'); i >= 0 {
		return i
	}
	return len(k)
}

func compareTestKeys(a, b []byte) int {
	i, j := splitTestKey(a), splitTestKey(b)
	if c := bytes.Compare(a[:i], b[:j]); c != 0 {
		return c
	}
	x, y := a[i:], b[j:]
	if len(x) == 0 || len(y) == 0 {
		return len(x) - len(y)
	}
	m, _ := strconv.ParseUint(string(x[1:]), 10, 64)
	n, _ := strconv.ParseUint(string(y[1:]), 10, 64)
	switch {
	case m > n:
		return -1
	case m < n:
		return 1
	}
	return 0
}

const cockroachKeys = "cockroach_comparator"

// comparerOf says which of the orders a directory has, by the names in its MANIFESTs and OPTIONS.
func comparerOf(dir string) string {
	files, _ := filepath.Glob(filepath.Join(dir, "[MO]*-*"))
	for _, f := range files {
		b, err := os.ReadFile(f)
		for _, name := range []string{testKeys, cockroachKeys} {
			if err == nil && bytes.Contains(b, []byte(name)) {
				return name
			}
		}
	}
	return ""
}
