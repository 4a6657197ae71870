//go:build !v1

package main

import (
	"fmt"
	"math/rand"
	"os"
	"syscall"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/cockroachkvs"
	"github.com/cockroachdb/pebble/v2/sstable"
)

// orderedAsCockroach gives a store the order and the columns of CockroachDB's keys.
func orderedAsCockroach(o *options) {
	o.Comparer = &cockroachkvs.Comparer
	o.KeySchema = cockroachkvs.KeySchema.Name
	o.KeySchemas = sstable.MakeKeySchemas(&cockroachkvs.KeySchema)
}

func profileOf(compression string) *sstable.CompressionProfile {
	switch compression {
	case "minlz":
		return sstable.MinLZCompression
	case "zstd":
		return sstable.ZstdCompression
	case "snappy":
		return sstable.SnappyCompression
	}
	return sstable.NoCompression
}

// columns fills tables of columns with what CockroachDB has: versions of keys, other suffixes, none; range deletions and range keys.
func columns(seed int64, dir string, format formatMajor, compression string) {
	r := rand.New(rand.NewSource(seed))
	o := &options{Logger: quiet{}, FormatMajorVersion: format, DisableAutomaticCompactions: true}
	orderedAsCockroach(o)
	setLevels(o, 10, 400)
	for i := range o.Levels {
		o.Levels[i].IndexBlockSize = 200
		o.Levels[i].Compression = func() *sstable.CompressionProfile { return profileOf(compression) }
	}
	d, err := open(dir, o)
	check(err)
	roach := func(i int) []byte { return []byte(fmt.Sprintf("/table/%d/row/%04d", 50+i%3, i)) }
	for run := 0; run < 2; run++ {
		for n := 0; n < 150; n++ {
			k := roach(r.Intn(90))
			value := make([]byte, r.Intn(40))
			for i := range value {
				value[i] = byte('a' + r.Intn(3))
			}
			switch p := r.Intn(20); {
			case p < 2:
				check(d.Set(cockroachkvs.EncodeMVCCKey(nil, k, 0, 0), value, noSync))
			case p < 3:
				lock := append([]byte{byte(r.Intn(3))}, make([]byte, 16)...)
				check(d.Set(cockroachkvs.EncodeKey(nil, k, lock), value, noSync))
			case p < 5:
				check(d.Delete(cockroachkvs.EncodeMVCCKey(nil, k, uint64(1+r.Intn(9)), 0), noSync))
			case p < 6:
				i := r.Intn(80)
				from, to := cockroachkvs.EncodeMVCCKey(nil, roach(i), 0, 0), cockroachkvs.EncodeMVCCKey(nil, roach(i+9), 0, 0)
				if string(from) > string(to) {
					from, to = to, from
				}
				if r.Intn(2) == 0 {
					check(d.DeleteRange(from, to, noSync))
				} else {
					check(d.RangeKeySet(from, to, cockroachkvs.NewTimestampSuffix(uint64(1+r.Intn(9)), 0), value, noSync))
				}
			default:
				check(d.Set(cockroachkvs.EncodeMVCCKey(nil, k, uint64(1+r.Intn(1<<20)), uint32(r.Intn(3))), value, noSync))
			}
		}
		check(d.Flush())
	}
	check(d.Set(cockroachkvs.EncodeMVCCKey(nil, roach(1), 1<<21, 0), []byte("last"), pebble.Sync))
	check(syscall.Kill(os.Getpid(), syscall.SIGKILL))
	select {}
}
