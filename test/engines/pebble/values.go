//go:build !v1

package main

import (
	"fmt"
	"math/rand"
	"os"
	"syscall"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/sstable"
)

// values fills a store whose values stand in blob files, of which compactions make new ones and rewrite old ones; kills itself or closes it.
func values(seed int64, dir, compression string) {
	r := rand.New(rand.NewSource(seed))
	o := &options{
		Logger:                quiet{},
		FormatMajorVersion:    newest,
		MemTableSize:          uint64(16<<10) << r.Intn(4),
		L0CompactionThreshold: 2,
		LBaseMaxBytes:         int64(32<<10) << r.Intn(3),
	}
	o.Experimental.ValueSeparationPolicy = func() pebble.ValueSeparationPolicy {
		return pebble.ValueSeparationPolicy{
			Enabled:               true,
			MinimumSize:           1 + r.Intn(40),
			MaxBlobReferenceDepth: 1 + r.Intn(5),
			TargetGarbageRatio:    0.1,
		}
	}
	failOnBackgroundErrors(o)
	setLevels(o, 10, 400<<r.Intn(4))
	for i := range o.Levels {
		o.Levels[i].Compression = func() *sstable.CompressionProfile { return profileOf(compression) }
	}
	d, err := open(dir, o)
	check(err)
	for n := 200 + r.Intn(2000); n > 0; n-- {
		k := []byte(fmt.Sprintf("key%05d", r.Intn(400)))
		switch p := r.Intn(100); {
		case p < 80:
			value := make([]byte, r.Intn(20<<r.Intn(7)))
			for i := range value {
				value[i] = byte('a' + r.Intn(4))
			}
			check(d.Set(k, value, noSync))
		case p < 92:
			check(d.Delete(k, noSync))
		case p < 95:
			check(d.Merge(k, []byte("operand of some length"), noSync))
		case p < 98:
			check(d.DeleteRange(k, append(k, 'z'), noSync))
		default:
			check(d.Flush())
		}
	}
	check(d.Flush())
	if r.Intn(3) == 0 {
		check(compact(d, []byte("a"), []byte("z")))
	}
	if r.Intn(2) == 0 {
		check(syscall.Kill(os.Getpid(), syscall.SIGKILL))
		select {}
	}
	check(d.Close())
}
