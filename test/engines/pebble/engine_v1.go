//go:build v1

package main

import (
	"errors"

	"github.com/cockroachdb/pebble"
	"github.com/cockroachdb/pebble/bloom"
	"github.com/cockroachdb/pebble/objstorage/objstorageprovider"
	"github.com/cockroachdb/pebble/sstable"
	"github.com/cockroachdb/pebble/vfs"
)

// What both releases call the same.
type (
	db          = pebble.DB
	batch       = pebble.Batch
	options     = pebble.Options
	formatMajor = pebble.FormatMajorVersion
	writer      = sstable.Writer
)

const oldest, newest = pebble.FormatMostCompatible, pebble.FormatNewest

var (
	open         = pebble.Open
	sync, noSync = pebble.Sync, pebble.NoSync
	iterOptions  = pebble.IterOptions{}
)

func setLevels(o *options, bits, blockSize int) {
	for i := 0; i < 7; i++ {
		l := pebble.LevelOptions{BlockSize: blockSize}
		if bits > 0 {
			l.FilterPolicy = bloom.FilterPolicy(bits)
		}
		o.Levels = append(o.Levels, l)
	}
}

func orderedAs(o *options, name string, compare func(a, b []byte) int, split func([]byte) int) {
	c := *pebble.DefaultComparer
	c.Name, c.Compare, c.Split = name, compare, split
	c.Separator = func(dst, a, _ []byte) []byte { return append(dst, a...) }
	c.Successor = func(dst, a []byte) []byte { return append(dst, a...) }
	o.Comparer = &c
}

func survive(*options) {}

func failOnBackgroundErrors(o *options) {
	o.EventListener = &pebble.EventListener{BackgroundError: func(err error) {
		if !errors.Is(err, pebble.ErrCancelledCompaction) {
			check(err)
		}
	}}
}

func compact(d *db, from, to []byte) error { return d.Compact(from, to, false) }
func ingest(d *db, paths []string) error   { return d.Ingest(paths) }

func newTable(path string, format formatMajor) (*writer, error) {
	f, err := vfs.Default.Create(path)
	if err != nil {
		return nil, err
	}
	o := sstable.WriterOptions{TableFormat: format.MaxTableFormat()}
	return sstable.NewWriter(objstorageprovider.NewFileWritable(f), o), nil
}

func ingestAndExcise(d *db, paths []string, from, to []byte) error {
	_, err := d.IngestAndExcise(paths, nil, pebble.KeyRange{Start: from, End: to})
	return err
}

// It has no columns, and none of CockroachDB's.
func orderedAsCockroach(*options) {}

func columns(int64, string, formatMajor, string) { check(errors.New("no columns before 2.0")) }

func values(int64, string, string) { check(errors.New("no blob files before 2.1")) }

func recoverFrom(*options, string) {}

func failover(int64, string, formatMajor) { check(errors.New("no second directory before 2.0")) }
