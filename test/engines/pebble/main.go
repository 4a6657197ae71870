// Asks Pebble about a directory, and makes directories of random workloads.
//
//	oracle open DIR             opens it for writing (it changes it: ask on a copy) and prints what Pebble sees and deletes, as JSON
//	oracle make SEED DIR [FMV]  random work under a seed; ends by killing itself, or closed
//	oracle values SEED DIR minlz|zstd|snappy|none  a store whose values stand in blob files; from 2.1 on
//	oracle failover SEED DIR FMV  a store whose logs go on in DIR/secondary where the disk stalls; from 2.0 on
//	oracle live DIR FLUSHES parted|later|one SEED  another life of a directory, see test/engines/second-source.cc
//	oracle columns SEED DIR FMV minlz|zstd|none  tables of columns with keys of CockroachDB's; from 2.0 on
package main

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"sort"
	"strconv"
)

type quiet struct{}

func (quiet) Infof(string, ...interface{})  {}
func (quiet) Errorf(string, ...interface{}) {}
func (quiet) Fatalf(f string, a ...interface{}) {
	fmt.Fprintf(os.Stderr, "fatal: "+f+"\n", a...)
	os.Exit(3)
}

type seen struct {
	Open string `json:"open"`
	N    int    `json:"n"`
	Fnv  string `json:"fnv,omitempty"`
	Iter string `json:"iter,omitempty"`
	// Files that were there before and are gone.
	Deleted []string `json:"deleted"`
}

const offset64, prime64 = uint64(0xcbf29ce484222325), uint64(0x100000001b3)

func fnv(h uint64, b ...byte) uint64 {
	for _, c := range b {
		h = (h ^ uint64(c)) * prime64
	}
	return h
}

func text(err error) string {
	if err == nil {
		return "OK"
	}
	return err.Error()
}

func names(dir string) map[string]bool {
	all := map[string]bool{}
	entries, _ := os.ReadDir(dir)
	for _, e := range entries {
		all[e.Name()] = true
	}
	return all
}

// optionsFor opens a directory with the order of its keys and compacts nothing.
func optionsFor(dir string) *options {
	o := &options{Logger: quiet{}, DisableAutomaticCompactions: true}
	setLevels(o, 10, 4096)
	survive(o)
	recoverFrom(o, dir)
	switch comparerOf(dir) {
	case testKeys:
		orderedAs(o, testKeys, compareTestKeys, splitTestKey)
	case cockroachKeys:
		orderedAsCockroach(o)
	}
	return o
}

func openIt(dir string) {
	before := names(dir)
	r := seen{}
	d, err := open(dir, optionsFor(dir))
	r.Open = text(err)
	if err == nil {
		look(d, &r)
		if e := d.Close(); e != nil && r.Iter == "OK" {
			r.Iter = "close: " + e.Error()
		}
	}
	r.Deleted = []string{}
	after := names(dir)
	for name := range before {
		if !after[name] {
			r.Deleted = append(r.Deleted, name)
		}
	}
	sort.Strings(r.Deleted)
	j, _ := json.Marshal(r)
	os.Stdout.Write(append(j, '\n'))
}

func look(d *db, r *seen) {
	h := offset64
	it, err := d.NewIter(&iterOptions)
	if err != nil {
		r.Iter = err.Error()
		return
	}
	for ok := it.First(); ok; ok = it.Next() {
		v, err := it.ValueAndErr()
		if err != nil {
			r.Iter = "value: " + err.Error()
			break
		}
		r.N++
		h = fnv(fnv(fnv(fnv(h, it.Key()...), 0), v...), 1)
	}
	if r.Iter == "" {
		r.Iter = text(it.Error())
	}
	if e := it.Close(); e != nil && r.Iter == "OK" {
		r.Iter = e.Error()
	}
	r.Fnv = fmt.Sprintf("%016x", h)
}

func number(i int, fallback int64) int64 {
	if len(os.Args) <= i {
		return fallback
	}
	n, err := strconv.ParseInt(os.Args[i], 10, 64)
	if err != nil {
		panic(err)
	}
	return n
}

func main() {
	switch {
	case len(os.Args) > 2 && os.Args[1] == "open":
		openIt(os.Args[2])
	case len(os.Args) > 3 && os.Args[1] == "make":
		dir, _ := filepath.Abs(os.Args[3])
		work(number(2, 0), dir, formatMajor(number(4, 0)))
	case len(os.Args) > 5 && os.Args[1] == "live":
		live(os.Args[2], int(number(3, 0)), os.Args[4], number(5, 0))
	case len(os.Args) > 4 && os.Args[1] == "values":
		dir, _ := filepath.Abs(os.Args[3])
		values(number(2, 0), dir, os.Args[4])
	case len(os.Args) > 4 && os.Args[1] == "failover":
		dir, _ := filepath.Abs(os.Args[3])
		failover(number(2, 0), dir, formatMajor(number(4, 0)))
	case len(os.Args) > 5 && os.Args[1] == "columns":
		dir, _ := filepath.Abs(os.Args[3])
		columns(number(2, 0), dir, formatMajor(number(4, 0)), os.Args[5])
	default:
		fmt.Fprintln(os.Stderr, "oracle open DIR | oracle make SEED DIR [FMV]")
		os.Exit(2)
	}
}
