//go:build !v1

package main

import (
	"context"
	"errors"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/bloom"
	"github.com/cockroachdb/pebble/v2/objstorage/objstorageprovider"
	"github.com/cockroachdb/pebble/v2/sstable"
	"github.com/cockroachdb/pebble/v2/vfs"
)

// What both releases call the same.
type (
	db          = pebble.DB
	batch       = pebble.Batch
	options     = pebble.Options
	formatMajor = pebble.FormatMajorVersion
	writer      = sstable.Writer
)

const oldest, newest = pebble.FormatMinSupported, pebble.FormatNewest

var (
	open         = pebble.Open
	sync, noSync = pebble.Sync, pebble.NoSync
	iterOptions  = pebble.IterOptions{}
)

func setLevels(o *options, bits, blockSize int) {
	for i := range o.Levels {
		o.Levels[i].BlockSize = blockSize
		if bits > 0 {
			o.Levels[i].FilterPolicy = bloom.FilterPolicy(bits)
		}
	}
}

func orderedAs(o *options, name string, compare func(a, b []byte) int, split func([]byte) int) {
	c := *pebble.DefaultComparer
	c.Name, c.Compare, c.Split = name, compare, split
	c.ComparePointSuffixes, c.CompareRangeSuffixes = nil, nil
	c.Separator = func(dst, a, _ []byte) []byte { return append(dst, a...) }
	c.Successor = func(dst, a []byte) []byte { return append(dst, a...) }
	o.Comparer = &c
}

// From 2.1 on the default is to end the process at the first damaged block that a read meets.
func survive(o *options) {
	o.EventListener = &pebble.EventListener{DataCorruption: func(pebble.DataCorruptionInfo) {}}
}

func failOnBackgroundErrors(o *options) {
	o.EventListener = &pebble.EventListener{BackgroundError: func(err error) {
		if !errors.Is(err, pebble.ErrCancelledCompaction) {
			check(err)
		}
	}}
}

func compact(d *db, from, to []byte) error {
	return d.Compact(context.Background(), from, to, false)
}

func ingest(d *db, paths []string) error { return d.Ingest(context.Background(), paths) }

func newTable(path string, format formatMajor) (*writer, error) {
	f, err := vfs.Default.Create(path, vfs.WriteCategoryUnspecified)
	if err != nil {
		return nil, err
	}
	o := sstable.WriterOptions{TableFormat: format.MaxTableFormat()}
	return sstable.NewWriter(objstorageprovider.NewFileWritable(f), o), nil
}

func ingestAndExcise(d *db, paths []string, from, to []byte) error {
	_, err := d.IngestAndExcise(context.Background(), paths, nil, nil, pebble.KeyRange{Start: from, End: to})
	return err
}
